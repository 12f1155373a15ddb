import { unlessSame } from './compile.ts';
import { type Changes, DesiredContent, type Move, type Moved, type Readings } from './desired-content.ts';
import { diffTrees } from './diff.ts';
import { completeReadings, type Draft, draftChange } from './draft.ts';
import { acceptable, type Finding } from './finding.ts';
import { outlookOf, rehearse } from './rehearsal.ts';
import { type DesiredResource, groupKey, type Key, linkKey, listenerKey, poolKey } from './resource.ts';
import { inRevisionOrder } from './resource-order.ts';
import type { FlatState, HeldLease, ObjectFacts, Proposal, StateChange } from './revision.ts';
import type { StateTree } from './tree.ts';
import { wholeFindings } from './whole-findings.ts';

export type { Draft } from './draft.ts';

/** An accepted proposal, and what making it desired needs. */
interface Plan {
  /** What was desired when it was made. */
  readonly desired: StateTree;
  /** What was committed then: the move starts there. */
  readonly base: StateTree;
  readonly move: Move;
}

/** A state that is desired while there is another one to go back to. */
interface Trial {
  readonly base: StateTree;
  readonly move: Move;
  readonly moved: Moved;
}

export interface DesiredStoreOptions {
  /** Leases of an earlier run: whoever asks for the same again gets the same address. */
  readonly held?: readonly HeldLease[];
}

/**
 * The desired state and the resources that it is compiled into. A change is drafted and proposed, and nothing is changed before it
 * is made desired: for good (`commit`), or on trial (`adopt`), to be kept or to be reverted. What a change costs follows from what it
 * touches, not from the size of the state (ENG-6): resources that come out the same are the same objects as before.
 *
 * What a trial desires follows from the committed state and from its own alone, not from a trial before it: every proposal is
 * made against the committed state, while it is told as against what is desired now.
 */
export class DesiredStore {
  readonly #content: DesiredContent;
  readonly #plans = new WeakMap<Proposal, Plan>();
  #trial: Trial | null = null;

  constructor(options: DesiredStoreOptions = {}) {
    this.#content = new DesiredContent(options.held);
  }

  /** The desired state, as an immutable tree. */
  get tree(): StateTree {
    return this.#content.standing.tree;
  }

  /** Name of the desired content (REV-7). */
  get digest(): string {
    return this.tree.digest;
  }

  /** There is a committed state to go back to, and what is desired is on trial. */
  get onTrial(): boolean {
    return this.#trial !== null;
  }

  /** Name of the committed content; that of the desired one where nothing is on trial. */
  get baseDigest(): string {
    return this.#base.digest;
  }

  /** What there is to say of the desired state: warnings only, in its order. */
  get findings(): readonly Finding[] {
    return this.#content.standing.findings;
  }

  /** The desired state as one object. Costs its size. */
  flat(): FlatState {
    return this.tree.toFlat();
  }

  desired(key: Key): DesiredResource | undefined {
    return this.#content.resource(key);
  }

  /** Every desired resource: pools, groups, then each container after its leases, then listeners, then links, in the order of the revision. */
  keys(): readonly Key[] {
    const { tree, device, groups } = this.#content.standing;
    const pools = [...device.device.pools.keys()].map(poolKey);
    const names = tree.components().flatMap(({ name }) => name ?? []);
    const containers = names.flatMap((name) => this.#content.keysOf.get(name) ?? []);
    const links = names.flatMap((name) => this.#content.links.get(name)?.links ?? []);
    const listeners = [...device.listeners.byName.keys()].map(listenerKey);
    return [
      ...pools,
      ...[...groups.keys()].map(groupKey),
      ...containers,
      ...listeners,
      ...links.map(({ spec }) => linkKey(spec.consumer, spec.target)),
    ];
  }

  /** Every lease of the desired state that has an address, sorted by address. */
  leases(): readonly HeldLease[] {
    return this.#content.ledger.held();
  }

  /** Carries a change of the desired state out on the documents alone: says what is needed of the object store to propose it. */
  draft(change: StateChange): Draft {
    return draftChange(this.tree, change);
  }

  /**
   * What a change of the desired state would do, all of it resolved; nothing is changed. A draft of an older state is drafted again.
   * Objects that are needed and that `facts` do not speak of count as missing, but for those of containers that are as committed.
   */
  propose(input: StateChange | Draft, facts: ObjectFacts): Proposal {
    const draft = this.#draftOf(input);
    if (!acceptable(draft.findings)) return refusal(draft, draft.findings);
    const readings = this.#readings(draft, facts);
    return this.#atBase(() => this.#rehearse(draft, readings, facts));
  }

  /** The state that an accepted proposal would make desired. Throws for one that this store has not accepted. */
  treeOf(proposal: Proposal): StateTree {
    return this.#planOf(proposal).move.standing.tree;
  }

  /**
   * Makes a proposal desired on trial, instead of one that is on trial already; what was committed stays to be gone back to. Throws
   * when it was refused, comes from another store, or was made when something else was desired: nothing is changed then.
   */
  adopt(proposal: Proposal): void {
    const { base, move } = this.#currentPlanOf(proposal);
    this.#trial?.moved.undo();
    this.#trial = null;
    this.#trial = { base, move, moved: this.#content.make(move) };
  }

  /** Makes a proposal desired for good. Throws as `adopt` does. */
  commit(proposal: Proposal): void {
    this.adopt(proposal);
    this.keep();
  }

  /** What is on trial is committed. Throws where nothing is. */
  keep(): void {
    this.#requireTrial();
    this.#trial = null;
  }

  /**
   * What is committed is desired again, exactly as it was: the same objects, the same leases. Returns the resources that differ from
   * those on trial, in the order of the revision; null: no longer wanted. Throws where nothing is on trial.
   */
  revert(): Changes {
    const { move, moved } = this.#requireTrial();
    const { tree } = this;
    moved.undo();
    this.#trial = null;
    const back = [...move.changes.keys()].map((key) => [key, this.desired(key) ?? null] as const);
    return inRevisionOrder(back, tree, this.tree);
  }

  get #base(): StateTree {
    return this.#trial?.base ?? this.tree;
  }

  #requireTrial(): Trial {
    if (this.#trial !== null) return this.#trial;
    throw new Error('found nothing on trial, expected a proposal to be adopted before');
  }

  #draftOf(input: StateChange | Draft): Draft {
    if ('type' in input) return this.draft(input);
    return input.base === this.tree ? input : this.draft(input.change);
  }

  #planOf(proposal: Proposal): Plan {
    const plan = this.#plans.get(proposal);
    if (plan !== undefined) return plan;
    throw new Error('found a proposal that this store has not accepted, expected one of its own');
  }

  #currentPlanOf(proposal: Proposal): Plan {
    const plan = this.#planOf(proposal);
    if (plan.desired === this.tree && plan.base === this.#base) return plan;
    throw new Error('found a proposal for an older revision, expected it to be proposed again');
  }

  /** Runs `work` while what is committed is desired, and puts what is on trial back. */
  #atBase<T>(work: () => T): T {
    const trial = this.#trial;
    if (trial === null) return work();
    trial.moved.undo();
    try {
      return work();
    } finally {
      trial.moved.redo();
    }
  }

  #rehearse(draft: Draft, readings: Readings, facts: ObjectFacts): Proposal {
    const content = this.#content;
    const outlook = outlookOf(content, draft, readings, facts);
    const findings = wholeFindings(content, outlook);
    if (!acceptable(findings)) return refusal(draft, findings);
    const { move, leases } = rehearse(content, outlook, findings);
    const { changes, told } = toldAgainst(move.changes, this.#trial?.move.changes ?? new Map(), content);
    const proposal: Proposal = {
      findings,
      accepted: true,
      unchanged: draft.tree.digest === draft.base.digest,
      digest: draft.tree.digest,
      changes: inRevisionOrder(told, draft.base, draft.tree),
      leases,
      patch: diffTrees(draft.base, draft.tree, draft.changed),
    };
    this.#plans.set(proposal, { desired: draft.base, base: this.#base, move: { ...move, changes } });
    return proposal;
  }

  /** Containers of a draft that differ from those that are committed: read anew, or as they are on trial. */
  #readings(draft: Draft, facts: ObjectFacts): Readings {
    const anew = completeReadings(draft, facts);
    const base = this.#base;
    if (base === draft.base) return anew;
    const names = [...draft.tree.changedSince(base)].flatMap(
      (key) => (draft.tree.component(key) ?? base.component(key))?.name ?? [],
    );
    const trial = this.#content.readings;
    return new Map(names.map((name) => [name, (anew.has(name) ? anew.get(name) : trial.get(name)) ?? null]));
  }
}

function refusal(draft: Draft, findings: readonly Finding[]): Proposal {
  return {
    findings,
    accepted: false,
    unchanged: false,
    digest: draft.tree.digest,
    changes: new Map(),
    leases: { held: [], released: [] },
    patch: [],
  };
}

/**
 * `changes` of what is committed, which `content` holds now, as against a trial of it that made the changes `trial`. What comes out as
 * it is on trial is the same object.
 */
function toldAgainst(
  changes: Changes,
  trial: Changes,
  content: DesiredContent,
): { readonly changes: Changes; readonly told: Changes } {
  const shared = new Map(changes);
  const told = new Map<Key, DesiredResource | null>();
  for (const [key, resource] of changes) {
    const now = (trial.has(key) ? trial.get(key) : content.resource(key)) ?? null;
    const same = resource === null ? now === null : now !== null && unlessSame(now, resource) === now;
    if (same) shared.set(key, now);
    else told.set(key, resource);
  }
  for (const key of trial.keys()) if (!changes.has(key)) told.set(key, content.resource(key) ?? null);
  return { changes: shared, told };
}
