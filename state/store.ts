import {
  type CompileContext,
  compileContainer,
  compilePool,
  keysOf,
  requestsOf,
  unlessSame,
} from './compile.ts';
import { diffTrees } from './diff.ts';
import { type ContainerReading, completeReadings, type Draft, draftChange, objectFindings } from './draft.ts';
import { acceptable, type Finding } from './finding.ts';
import { type ContainerRequests, Ledger, type LedgerChange, type LedgerOutcome } from './ledger.ts';
import type { ContainerManifest } from './manifest.ts';
import {
  changedPools,
  type DeviceReading,
  devicePath,
  findingsInOrder,
  findingsOf,
  type Outlook,
  orderIn,
} from './outlook.ts';
import { readDevice } from './read-device.ts';
import { type DesiredResource, type Key, poolKey } from './resource.ts';
import type { FlatState, HeldLease, ObjectFacts, Proposal, StateChange } from './revision.ts';
import { SharedNames } from './shared-names.ts';
import { StateTree } from './tree.ts';

export type { Draft } from './draft.ts';

type Changes = ReadonlyMap<Key, DesiredResource | null>;

/** An accepted proposal, and what committing it needs. */
interface Plan {
  readonly base: StateTree;
  readonly outlook: Outlook;
  readonly changes: Changes;
  readonly findings: readonly Finding[];
}

export interface DesiredStoreOptions {
  /** Leases of an earlier run: whoever asks for the same again gets the same address. */
  readonly held?: readonly HeldLease[];
}

/**
 * The current revision and the resources that it is compiled into. A change is drafted, proposed and committed; nothing
 * changes before it is committed. What a change costs follows from what it touches, not from the size of the
 * revision (ENG-6): resources that come out the same are the same objects as before.
 */
export class DesiredStore {
  readonly #ledger: Ledger;
  readonly #names = new SharedNames();
  readonly #readings = new Map<string, ContainerReading>();
  readonly #resources = new Map<Key, DesiredResource>();
  /** Container → keys of its leases, and its own. */
  readonly #keysOf = new Map<string, readonly Key[]>();
  /** Pool → containers that ask for an address of it, whether it is there or not. */
  readonly #usersOf = new Map<string, Set<string>>();
  readonly #plans = new WeakMap<Proposal, Plan>();
  #tree = StateTree.empty;
  #device: DeviceReading = readDevice(undefined);
  #warned: ReadonlyMap<string, readonly Finding[]> = new Map();
  #findings: readonly Finding[] = [];

  constructor(options: DesiredStoreOptions = {}) {
    this.#ledger = new Ledger(options.held);
  }

  /** The current state, as an immutable tree. */
  get tree(): StateTree {
    return this.#tree;
  }

  /** Name of the current content (REV-7). */
  get digest(): string {
    return this.#tree.digest;
  }

  /** What there is to say of the current revision: warnings only, in the order of the revision. */
  get findings(): readonly Finding[] {
    return this.#findings;
  }

  /** The current state as one object. Costs its size. */
  flat(): FlatState {
    return this.#tree.toFlat();
  }

  desired(key: Key): DesiredResource | undefined {
    return this.#resources.get(key);
  }

  /** Every desired resource: pools, then each container after its leases, in the order of the revision. */
  keys(): readonly Key[] {
    const pools = [...this.#device.device.pools.keys()].map(poolKey);
    const containers = this.#tree
      .components()
      .map(({ name }) => (name === null ? [] : this.#keysOf.get(name)));
    return [...pools, ...containers.flatMap((keys) => keys ?? [])];
  }

  /** Every lease that has an address, sorted by address. */
  leases(): readonly HeldLease[] {
    return this.#ledger.held();
  }

  /** Carries a change out on the documents alone: says what is needed of the object store to propose it. */
  draft(change: StateChange): Draft {
    return draftChange(this.#tree, change);
  }

  /**
   * What a change would do, all of it resolved; nothing is changed. A draft of an older revision is drafted again.
   * Objects that are needed and that `facts` do not speak of count as missing.
   */
  propose(input: StateChange | Draft, facts: ObjectFacts): Proposal {
    const draft = this.#draftOf(input);
    if (!acceptable(draft.findings)) return refusal(draft, draft.findings);
    if (draft.tree.digest === this.#tree.digest) return this.#keep(draft);
    const outlook = this.#outlook(draft, completeReadings(draft, facts));
    const missing = objectFindings(draft, facts);
    const findings = [...findingsInOrder(outlook), ...missing];
    if (!acceptable(findings)) return refusal(draft, findings);
    return this.#rehearse(draft, outlook);
  }

  /** The state that an accepted proposal would make current. Throws for one that this store has not accepted. */
  treeOf(proposal: Proposal): StateTree {
    return this.#planOf(proposal).outlook.tree;
  }

  #draftOf(input: StateChange | Draft): Draft {
    if ('type' in input) return this.draft(input);
    return input.base === this.#tree ? input : this.draft(input.change);
  }

  /**
   * Makes a proposal current. Throws when it was refused, comes from another store, or was made before the last commit:
   * nothing is changed then.
   */
  commit(proposal: Proposal): void {
    const plan = this.#planOf(proposal);
    if (plan.base !== this.#tree)
      throw new Error('found a proposal for an older revision, expected it to be proposed again');
    const { outlook, changes } = plan;
    this.#ledger.transact(this.#ledgerChange(outlook));
    this.#exchangeNames(outlook);
    for (const [name, reading] of outlook.readings) this.#enter(name, reading);
    for (const [key, resource] of changes) {
      if (resource === null) this.#resources.delete(key);
      else this.#resources.set(key, resource);
    }
    this.#tree = outlook.tree;
    this.#device = outlook.device;
    this.#warned = outlook.warned;
    this.#findings = plan.findings;
  }

  #planOf(proposal: Proposal): Plan {
    const plan = this.#plans.get(proposal);
    if (plan !== undefined) return plan;
    throw new Error('found a proposal that this store has not accepted, expected one of its own');
  }

  /** The proposal for content that is current already: only the order of components may differ. */
  #keep(draft: Draft): Proposal {
    const { tree } = draft;
    const outlook = {
      tree,
      device: this.#device,
      readings: new Map(),
      pools: new Map(),
      warned: this.#warned,
    };
    const findings = this.#findings;
    return this.#accept(
      { base: this.#tree, outlook, changes: new Map(), findings },
      {
        findings,
        accepted: true,
        unchanged: true,
        digest: tree.digest,
        changes: new Map(),
        leases: { held: [], released: [] },
        patch: [],
      },
    );
  }

  #outlook(draft: Draft, readings: ReadonlyMap<string, ContainerReading | null>): Outlook {
    const { tree } = draft;
    const sameDevice = !draft.changed.has(devicePath);
    const device = sameDevice ? this.#device : readDevice(tree.document(devicePath));
    const pools = sameDevice ? new Map() : changedPools(this.#device.device.pools, device.device.pools);
    const warned = new Map(this.#warned);
    const review = (name: string, reading: ContainerReading | null): void => {
      const findings = reading === null ? [] : findingsOf(reading, device);
      if (findings.length === 0) warned.delete(name);
      else warned.set(name, findings);
    };
    if (!sameDevice) for (const [name, reading] of this.#readings) review(name, reading);
    for (const [name, reading] of readings) review(name, reading);
    return { tree, device, readings, pools, warned };
  }

  /** Carries everything out, notes what comes of it, and takes it back. */
  #rehearse(draft: Draft, outlook: Outlook): Proposal {
    const { outcome, undo } = this.#ledger.transact(this.#ledgerChange(outlook));
    try {
      const changes = this.#compile(outlook, outcome);
      const findings = this.#allFindings(outlook);
      return this.#accept(
        { base: this.#tree, outlook, changes, findings },
        {
          findings,
          accepted: true,
          unchanged: false,
          digest: draft.tree.digest,
          changes,
          leases: { held: outcome.held, released: outcome.released },
          patch: diffTrees(this.#tree, draft.tree, draft.changed),
        },
      );
    } finally {
      undo();
    }
  }

  #accept(plan: Plan, proposal: Proposal): Proposal {
    this.#plans.set(proposal, plan);
    return proposal;
  }

  #compile(outlook: Outlook, outcome: LedgerOutcome): Changes {
    const { pools } = outlook.device.device;
    const context: CompileContext = {
      pool: (name) => pools.get(name),
      grant: (lease) => this.#ledger.grant(lease),
      reservationConflict: (container) => this.#ledger.reservationConflict(container),
    };
    const changes = new Map<Key, DesiredResource | null>();
    for (const spec of outlook.pools.values()) if (spec !== null) this.#note(changes, compilePool(spec));
    for (const name of this.#affected(outlook, outcome)) {
      const gone = new Set(this.#keysOf.get(name));
      const manifest = this.#manifest(outlook, name);
      for (const resource of manifest === null ? [] : compileContainer(manifest, context)) {
        gone.delete(resource.key);
        this.#note(changes, resource);
      }
      for (const key of gone) changes.set(key, null);
    }
    for (const [name, spec] of outlook.pools) if (spec === null) changes.set(poolKey(name), null);
    return changes;
  }

  #note(changes: Map<Key, DesiredResource | null>, resource: DesiredResource): void {
    const before = this.#resources.get(resource.key);
    if (unlessSame(before, resource) !== before) changes.set(resource.key, resource);
  }

  /** Containers to compile anew, in the order of the revision. */
  #affected(outlook: Outlook, outcome: LedgerOutcome): readonly string[] {
    const names = new Set([...outlook.readings.keys(), ...outcome.containers]);
    for (const pool of outlook.pools.keys()) {
      for (const name of this.#usersOf.get(pool) ?? []) names.add(name);
    }
    return [...names]
      .map((name) => ({ name, order: orderIn(outlook.tree, name) }))
      .sort((one, other) => one.order - other.order)
      .map(({ name }) => name);
  }

  #manifest(outlook: Outlook, name: string): ContainerManifest | null {
    const reading = outlook.readings.has(name) ? outlook.readings.get(name) : this.#readings.get(name);
    return reading?.manifest ?? null;
  }

  #ledgerChange(outlook: Outlook): LedgerChange {
    const containers = new Map<string, ContainerRequests | null>();
    for (const [name, reading] of outlook.readings) {
      const manifest = reading?.manifest ?? null;
      containers.set(name, manifest === null ? null : requestsOf(manifest));
    }
    return { pools: outlook.pools, containers, orderOf: (name) => orderIn(outlook.tree, name) };
  }

  /** Findings of the whole revision, with those that span containers. */
  #allFindings(outlook: Outlook): readonly Finding[] {
    const undo = this.#exchangeNames(outlook);
    const shared = this.#names.findings((name) => orderIn(outlook.tree, name));
    undo();
    const warned = new Map(outlook.warned);
    for (const [name, finding] of shared) warned.set(name, [...(warned.get(name) ?? []), finding]);
    return findingsInOrder({ ...outlook, warned });
  }

  /** Returns what takes it back. */
  #exchangeNames(outlook: Outlook): () => void {
    const exchanged = [...outlook.readings].map(([name, reading]) => ({
      before: this.#readings.get(name)?.manifest ?? null,
      after: reading?.manifest ?? null,
    }));
    for (const { before, after } of exchanged) this.#names.exchange(before, after);
    return () => {
      for (const { before, after } of exchanged) this.#names.exchange(after, before);
    };
  }

  #enter(name: string, reading: ContainerReading | null): void {
    for (const pool of poolsOf(this.#readings.get(name)?.manifest)) {
      const users = this.#usersOf.get(pool);
      users?.delete(name);
      if (users?.size === 0) this.#usersOf.delete(pool);
    }
    for (const pool of poolsOf(reading?.manifest)) {
      this.#usersOf.set(pool, (this.#usersOf.get(pool) ?? new Set()).add(name));
    }
    const manifest = reading?.manifest ?? null;
    if (manifest === null) this.#keysOf.delete(name);
    else this.#keysOf.set(name, keysOf(manifest));
    if (reading === null) this.#readings.delete(name);
    else this.#readings.set(name, reading);
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

function poolsOf(manifest: ContainerManifest | null | undefined): readonly string[] {
  return manifest?.network.mode === 'pool' ? manifest.network.interfaces.map((face) => face.pool) : [];
}
