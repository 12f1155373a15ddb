import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { readJsonText } from '../../controller/source/json-text.ts';
import { acceptable, type Finding } from '../../state/finding.ts';
import { catalogEntry } from '../../state/finding-catalog.ts';
import { isJsonObject, type Json } from '../../state/json.ts';
import type { FlatState, Proposal, StateChange } from '../../state/revision.ts';
import { DesiredStore } from '../../state/store.ts';
import { variantsOf } from '../state/variants.ts';

/** One bad revision, and all that is to be said of it. */
interface BadRevision {
  readonly about: string;
  /** Rules of docs/spec.md that it breaks. */
  readonly rules: readonly string[];
  /** Committed first; the revision is then a change of it. */
  readonly before?: FlatState;
  /** Exactly one of `state`, `change` and `raw` is there: a state, a change of `before`, or a text. */
  readonly state?: FlatState;
  readonly change?: StateChange;
  readonly raw?: string;
  /** sha256 → text of objects; what is not here is there but is no text. */
  readonly texts?: Readonly<Record<string, string>>;
  /** Objects that the store lacks. */
  readonly missing?: readonly string[];
  /** All findings, in their order. */
  readonly expect: readonly Pick<Finding, 'severity' | 'code' | 'pointer'>[];
  /** All conflicts of what it is compiled into. */
  readonly conflicts?: readonly { readonly key: string; readonly code: string }[];
}

const directory = new URL('./bad/', import.meta.url);
const revisions = readdirSync(directory)
  .sort()
  .map((file): readonly [string, BadRevision] => [
    file,
    JSON.parse(readFileSync(new URL(file, directory), 'utf8')),
  ]);

/** A value that is not there stands for the parts of another way to say the same. */
function isRaw({ raw }: BadRevision): boolean {
  return raw !== undefined;
}

function summary(findings: readonly Finding[]): readonly Json[] {
  return findings.map(({ severity, code, pointer }) => ({ severity, code, pointer }));
}

function conflictsOf({ changes }: Proposal): readonly Json[] {
  return [...changes.values()].flatMap((resource) =>
    resource?.conflict === undefined ? [] : [{ key: resource.key, code: resource.conflict.code }],
  );
}

function storeBefore({ before }: BadRevision): DesiredStore {
  const store = new DesiredStore();
  if (before === undefined) return store;
  store.commit(store.propose({ type: 'replace', state: before }, { texts: {}, missing: [] }));
  return store;
}

function propose(store: DesiredStore, revision: BadRevision): Proposal {
  const { change = { type: 'replace', state: revision.state ?? {} }, texts = {}, missing = [] } = revision;
  return store.propose(change, { texts, missing });
}

for (const [file, revision] of revisions.filter(([, candidate]) => isRaw(candidate))) {
  test(`[${revision.rules.join('] [')}] ${file}: ${revision.about}`, (t) => {
    const text = new TextEncoder().encode(revision.raw);
    const { findings } = readJsonText(text, { file: 'state.json', pointer: '' });
    t.deepEqual(summary(findings), revision.expect);
  });
}

for (const [file, revision] of revisions.filter(([, candidate]) => !isRaw(candidate))) {
  test(`[${revision.rules.join('] [')}] ${file}: ${revision.about}`, (t) => {
    const store = storeBefore(revision);
    const digest = store.digest;
    const proposal = propose(store, revision);
    t.deepEqual(summary(proposal.findings), revision.expect);
    t.is(proposal.accepted, acceptable(proposal.findings));
    t.deepEqual(conflictsOf(proposal), revision.conflicts ?? []);
    if (!proposal.accepted) {
      t.deepEqual([...proposal.changes], []);
      t.deepEqual(proposal.leases, { held: [], released: [] });
    }
    t.is(store.digest, digest);
  });
}

test('[REV-6] every finding says what was found, what was expected and where, and has a code that can be explained', (t) => {
  const findings = revisions
    .filter(([, revision]) => !isRaw(revision))
    .flatMap(([, revision]) => propose(storeBefore(revision), revision).findings);
  t.true(findings.length > 50);
  for (const finding of findings) {
    t.true(catalogEntry(finding.code) !== undefined, finding.code);
    t.regex(
      finding.message,
      /^(found|operation|the merge patch|(required|optional) service '.*' not found: found)/,
    );
    t.not(finding.expected, '');
    t.true(finding.message.length < 600, finding.message);
    t.notRegex(finding.message, /\n/);
  }
});

test('[REV-8] whatever stands anywhere in a state, reading it ends, and says why where it is refused', (t) => {
  let proposed = 0;
  for (const [, { state, texts = {} }] of revisions) {
    if (!isJsonObject(state) || JSON.stringify(state).length > 1000) continue;
    for (const variant of variantsOf(state)) {
      const proposal = new DesiredStore().propose(
        { type: 'replace', state: variant as FlatState },
        { texts, missing: [] },
      );
      proposed += 1;
      t.is(proposal.accepted, acceptable(proposal.findings), JSON.stringify(variant));
    }
  }
  t.true(proposed > 5000, String(proposed));
});

test('[REV-7] a refused revision is refused again, in the same words', (t) => {
  for (const [, revision] of revisions.filter(([, candidate]) => !isRaw(candidate))) {
    const store = storeBefore(revision);
    const first = propose(store, revision);
    t.deepEqual(propose(store, revision).findings, first.findings);
  }
});

test('every rule about revisions, pools, leases and requirements that a revision can break is broken by one of these', (t) => {
  const broken = new Set(revisions.flatMap(([, { rules }]) => rules));
  const rules = [
    ...[1, 2, 3, 4, 5, 6, 7, 8].map((rule) => `REV-${rule}`),
    ...[1, 2, 3, 4, 5, 6, 7, 8, 10].map((rule) => `POOL-${rule}`),
    ...[1, 2, 3, 4, 5, 6, 7, 8].map((rule) => `LEASE-${rule}`),
    ...[1, 2, 3].map((rule) => `LINK-${rule}`),
  ];
  t.deepEqual(
    rules.filter((rule) => !broken.has(rule)),
    [],
  );
  t.true(revisions.length >= 50);
});
