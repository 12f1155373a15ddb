import { acceptable, type Finding } from './finding.ts';
import { finding } from './finding-catalog.ts';
import { isJsonObject } from './json.ts';
import { MAX_ENTRIES } from './limits.ts';
import { mergeDocuments } from './merge-patch.ts';
import { type PatchOutcome, patchDocuments } from './patch.ts';
import { readContainer } from './read-container.ts';
import type { FlatState, ObjectFacts, ObjectReference, StateChange, UnusableObject } from './revision.ts';
import { type ComponentKey, containerComponent, type StateTree } from './tree.ts';
import { validateEntry, validateFlat } from './validate.ts';

/** What was read of one container's documents. */
export type ContainerReading = ReturnType<typeof readContainer>;

/** A change, carried out on the documents and read as far as that goes without the object store. */
export interface Draft {
  readonly change: StateChange;
  /** The state that the change was made against. */
  readonly base: StateTree;
  /** What the change makes of it; `base` where the change cannot be carried out. */
  readonly tree: StateTree;
  /** Why the change cannot be carried out: a patch that fails, documents that can't stand in a state. */
  readonly findings: readonly Finding[];
  /** Components whose documents differ, those that go included. */
  readonly changed: ReadonlySet<ComponentKey>;
  /** What is needed of the object store to propose this: everything that changed containers name. */
  readonly objects: readonly ObjectReference[];
  /** Containers among the changed components; null: gone. */
  readonly readings: ReadonlyMap<string, ContainerReading | null>;
}

/** Carries `change` out on `base`, which stays as it is. Never throws, whatever the change holds. */
export function draftChange(base: StateTree, change: StateChange): Draft {
  const { tree, findings } = changeTree(base, change);
  const changed = tree.changedSince(base);
  const readings = new Map<string, ContainerReading | null>();
  for (const key of changed) {
    const name = (tree.component(key) ?? base.component(key))?.name ?? null;
    if (name !== null) readings.set(name, readFrom(tree, name, {}));
  }
  const objects = [...readings.values()].flatMap((reading) => reading?.manifest?.objects ?? []);
  return { change, base, tree, findings, changed, objects, readings };
}

/** The readings of a draft, with the texts that the object store had for it. */
export function completeReadings(
  draft: Draft,
  facts: ObjectFacts,
): ReadonlyMap<string, ContainerReading | null> {
  const readings = new Map(draft.readings);
  for (const [name, reading] of draft.readings) {
    if (reading?.manifest?.objects.some((object) => object.text) === false) continue;
    if (reading !== null) readings.set(name, readFrom(draft.tree, name, facts.texts));
  }
  return readings;
}

/** An error for every object that a container of the draft needs and the store lacks, or has and can't make a text of. */
export function objectFindings(
  { readings }: Pick<Draft, 'readings'>,
  facts: ObjectFacts,
): ReadonlyMap<string, readonly Finding[]> {
  const missing = new Set(facts.missing);
  const unusable = new Map(Object.entries(facts.unusable ?? {}));
  const findingOf = (reference: ObjectReference): readonly Finding[] => {
    const { sha256, text } = reference;
    const why = text ? unusable.get(sha256) : undefined;
    if (why !== undefined) return [objectUnusable(reference, why)];
    const isThere = !missing.has(sha256) && (!text || Object.hasOwn(facts.texts, sha256));
    return isThere ? [] : [objectMissing(reference)];
  };
  const findings = new Map<string, readonly Finding[]>();
  for (const [name, reading] of readings) {
    const found = (reading?.manifest?.objects ?? []).flatMap(findingOf);
    if (found.length > 0) findings.set(name, found);
  }
  return findings;
}

function objectMissing({ sha256, pointer }: ObjectReference): Finding {
  return finding('ObjectMissing', {
    pointer,
    found: sha256,
    expected: 'the sha256 of an object that is in the object store',
    message: `found ${sha256} at ${pointer}, expected an object that is in the object store`,
    hint: 'apply the directory or export that has the file: it brings its objects with it',
  });
}

function objectUnusable({ sha256, pointer }: ObjectReference, { found, expected }: UnusableObject): Finding {
  return finding('ObjectUnusable', {
    pointer,
    found: sha256,
    expected,
    message: `found ${found}, which ${pointer} names; expected ${expected}`,
    hint: 'correct the file, or, where it is right, apply its directory or export again: that writes the object anew',
  });
}

function changeTree(base: StateTree, change: StateChange): Pick<Draft, 'tree' | 'findings'> {
  switch (change.type) {
    case 'replace': {
      const findings = stateFindings(change.state);
      return { tree: acceptable(findings) ? base.replacedBy(change.state) : base, findings };
    }
    case 'patch':
      return changeDocuments(base, patchDocuments(base, change.operations));
    case 'merge':
      return changeDocuments(base, mergeDocuments(base, change.patch));
  }
}

function stateFindings(state: FlatState): readonly Finding[] {
  if (isJsonObject(state)) return validateFlat(state);
  const expected = 'an object whose members are paths';
  const message = `found no JSON object as the state, expected ${expected}`;
  return [finding('WrongType', { pointer: '', found: state, expected, message })];
}

function changeDocuments(
  base: StateTree,
  { changes, findings }: PatchOutcome,
): Pick<Draft, 'tree' | 'findings'> {
  const problems = [...findings];
  for (const [path, document] of changes) {
    if (document !== undefined) problems.push(...validateEntry(path, document));
  }
  if (!acceptable(problems)) return { tree: base, findings: problems };
  const tree = base.with(changes);
  const crowded = tree.size > MAX_ENTRIES ? validateFlat(tree.toFlat()) : [];
  return acceptable(crowded) ? { tree, findings: problems } : { tree: base, findings: crowded };
}

function readFrom(tree: StateTree, name: string, texts: ObjectFacts['texts']): ContainerReading | null {
  const component = tree.component(containerComponent(name));
  return component === undefined ? null : readContainer(name, component.documents, texts);
}
