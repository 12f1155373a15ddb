import { keysOf } from './compile.ts';
import { ContainerIndex } from './container-index.ts';
import type { ContainerReading } from './draft.ts';
import type { Finding } from './finding.ts';
import type { Groups } from './groups.ts';
import { Ledger, type LedgerChange } from './ledger.ts';
import type { ContainerManifest } from './manifest.ts';
import type { DeviceReading } from './outlook.ts';
import { readDevice } from './read-device.ts';
import type { LinkChanges } from './resolve-links.ts';
import type { ConsumerLinks } from './resolve-requirements.ts';
import type { Resolution } from './resolve-service.ts';
import type { DesiredResource, Key } from './resource.ts';
import type { HeldLease } from './revision.ts';
import { SharedNames } from './shared-names.ts';
import { noSystemMembers, type SystemMembers } from './system-transition.ts';
import { StateTree } from './tree.ts';

export type Changes = ReadonlyMap<Key, DesiredResource | null>;
export type Readings = ReadonlyMap<string, ContainerReading | null>;

/** What is true of a state as a whole. Immutable: another state has another one. */
export interface Standing {
  readonly tree: StateTree;
  readonly device: DeviceReading;
  readonly groups: Groups;
  readonly system: SystemMembers;
  /** What each rule of ingress leads to, by its name (ING-4). */
  readonly resolutions: ReadonlyMap<string, Resolution>;
  /** Findings of each container that has any, by itself and against its device. */
  readonly warned: ReadonlyMap<string, readonly Finding[]>;
  /** All that there is to say of it, in its order. */
  readonly findings: readonly Finding[];
}

/** From one state to another. */
export interface Move {
  readonly standing: Standing;
  /** Containers that differ; null: gone. */
  readonly readings: Readings;
  /** Consumers whose links differ; null: it has no requirements any more. */
  readonly links: LinkChanges;
  /** Resources that differ; null: gone. */
  readonly changes: Changes;
  readonly leases: LedgerChange;
}

/** A move that was made, and the way back. */
export interface Moved {
  /** Makes the content what it was before: the same objects, the same leases. Only while no later move stands. */
  readonly undo: () => void;
  /** After `undo`, and while nothing else was changed: makes it what it was after the move. */
  readonly redo: () => void;
}

/**
 * A state and the resources that it is compiled into, indexed by what a change has to find (ENG-6). Made another by moves alone;
 * what a move costs follows from what it changes.
 */
export class DesiredContent {
  readonly ledger: Ledger;
  readonly names = new SharedNames();
  /** Containers by the pools that they ask for an address, whether these are there or not. */
  readonly byPool = new ContainerIndex();
  /** Containers by the group that they name, whether it is there or not; `` for those that name none. */
  readonly byGroup = new ContainerIndex();
  /** Containers by the services that they provide. */
  readonly byService = new ContainerIndex();
  /** Containers by the services that they use, whether these are there or not. */
  readonly byRequirement = new ContainerIndex();
  readonly #links = new Map<string, ConsumerLinks>();
  #linkCount = 0;
  readonly #wanting = new Set<string>();
  readonly #readings = new Map<string, ContainerReading>();
  readonly #resources = new Map<Key, DesiredResource>();
  readonly #keysOf = new Map<string, readonly Key[]>();
  #standing: Standing = {
    tree: StateTree.empty,
    device: readDevice(undefined),
    groups: new Map(),
    system: noSystemMembers,
    resolutions: new Map(),
    warned: new Map(),
    findings: [],
  };

  constructor(held: readonly HeldLease[] | undefined) {
    this.ledger = new Ledger(held);
  }

  get standing(): Standing {
    return this.#standing;
  }

  resource(key: Key): DesiredResource | undefined {
    return this.#resources.get(key);
  }

  /** What was read of each component that may be a container. */
  get readings(): ReadonlyMap<string, ContainerReading> {
    return this.#readings;
  }

  /** What the requirements of each container lead to that has any (LINK-1). */
  get links(): ReadonlyMap<string, ConsumerLinks> {
    return this.#links;
  }

  /** How many links there are. */
  get linkCount(): number {
    return this.#linkCount;
  }

  /** Containers that use a service which nobody else provides. */
  get wanting(): ReadonlySet<string> {
    return this.#wanting;
  }

  /** Keys of what each container is compiled into by itself, leases first. */
  get keysOf(): ReadonlyMap<string, readonly Key[]> {
    return this.#keysOf;
  }

  /** Makes a move. When it throws, nothing was changed. */
  make(move: Move): Moved {
    const { undo, redo } = this.ledger.transact(move.leases);
    const before = {
      standing: this.#standing,
      readings: new Map([...move.readings.keys()].map((name) => [name, this.#readings.get(name) ?? null])),
      links: new Map([...move.links.keys()].map((name) => [name, this.#links.get(name) ?? null])),
      changes: new Map([...move.changes.keys()].map((key) => [key, this.#resources.get(key) ?? null])),
    };
    this.#take(move);
    return {
      undo: () => {
        this.#take(before);
        undo();
      },
      redo: () => {
        redo();
        this.#take(move);
      },
    };
  }

  #take({ standing, readings, links, changes }: Omit<Move, 'leases'>): void {
    for (const [name, reading] of readings) this.#enter(name, reading);
    for (const [name, its] of links) this.#enterLinks(name, its);
    for (const [key, resource] of changes) {
      if (resource === null) this.#resources.delete(key);
      else this.#resources.set(key, resource);
    }
    this.#standing = standing;
  }

  #enterLinks(name: string, links: ConsumerLinks | null): void {
    this.#linkCount += (links?.links.length ?? 0) - (this.#links.get(name)?.links.length ?? 0);
    if (links === null) this.#links.delete(name);
    else this.#links.set(name, links);
    if (links !== null && links.wanting.length > 0) this.#wanting.add(name);
    else this.#wanting.delete(name);
  }

  #enter(name: string, reading: ContainerReading | null): void {
    const before = this.#readings.get(name)?.manifest ?? null;
    const after = reading?.manifest ?? null;
    this.names.exchange(before, after);
    this.byPool.exchange(name, poolsOf(before), poolsOf(after));
    this.byGroup.exchange(name, groupOf(before), groupOf(after));
    this.byService.exchange(name, servicesOf(before), servicesOf(after));
    this.byRequirement.exchange(name, requirementsOf(before), requirementsOf(after));
    if (after === null) this.#keysOf.delete(name);
    else this.#keysOf.set(name, keysOf(after));
    if (reading === null) this.#readings.delete(name);
    else this.#readings.set(name, reading);
  }
}

function poolsOf(manifest: ContainerManifest | null): readonly string[] {
  return manifest?.network.mode === 'pool' ? manifest.network.interfaces.map((face) => face.pool) : [];
}

function groupOf(manifest: ContainerManifest | null): readonly string[] {
  return manifest === null ? [] : [manifest.group ?? ''];
}

function servicesOf(manifest: ContainerManifest | null): readonly string[] {
  return (manifest?.services ?? []).map(({ name }) => name);
}

function requirementsOf(manifest: ContainerManifest | null): readonly string[] {
  return (manifest?.requirements ?? []).map(({ name }) => name);
}
