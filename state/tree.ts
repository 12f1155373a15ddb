import { hash } from 'node:crypto';
import { freeze } from 'immer';
import { componentOf, configPrefix } from './component.ts';
import { digestOf, type Json } from './json.ts';
import type { FlatState } from './revision.ts';

/** The documents of one component, keyed by their full paths. */
export interface Component {
  readonly key: ComponentKey;
  /** The container that it may be; null for a document of the whole device. */
  readonly name: string | null;
  readonly documents: FlatState;
  /** sha256 of `documents`: equal exactly when they are. */
  readonly digest: string;
  /** Where it stands among the others: smaller is earlier. Not part of the content. */
  readonly order: number;
}

/** `<name>/` for a component that has documents of its own; the path itself for a document that belongs to none. */
export type ComponentKey = string;

/** What becomes of single documents: path → new document, or undefined where it goes. */
export type DocumentChanges = ReadonlyMap<string, Json | undefined>;

interface Shard {
  readonly components: ReadonlyMap<ComponentKey, Component>;
  readonly digest: string;
  /** Number of documents. */
  readonly size: number;
}

interface Branch {
  readonly shards: readonly Shard[];
  readonly digest: string;
  readonly size: number;
}

/** Shards of a branch, and branches of a tree. At 10,000 components there are some ten in a shard. */
const fanOut = 32;
const emptyShard: Shard = { components: new Map(), digest: '', size: 0 };
const emptyBranch: Branch = { shards: new Array<Shard>(fanOut).fill(emptyShard), digest: '', size: 0 };

/**
 * A flat state (REV-1), immutable, in which changing one document costs what the document's component costs, not
 * what the state costs (ENG-6): components are spread over the leaves of a tree of fixed shape, and everything that a change
 * does not touch is shared with the tree before it, component objects included. All documents are deeply frozen.
 *
 * The digest names the content alone (REV-7): path → document. Neither the order of members nor the order of
 * components is content: order only says who comes first where addresses are given out for the first time (LEASE-1).
 */
export class StateTree {
  static readonly empty = new StateTree(new Array<Branch>(fanOut).fill(emptyBranch), 0);

  /** sha256, 64 lower-case hex digits. */
  readonly digest: string;
  readonly #branches: readonly Branch[];
  /** Order of the next new component. */
  readonly #nextOrder: number;

  private constructor(branches: readonly Branch[], nextOrder: number) {
    this.#branches = branches;
    this.#nextOrder = nextOrder;
    this.digest = sha256(branches.map((branch) => branch.digest).join());
  }

  /** Number of documents. */
  get size(): number {
    return this.#branches.reduce((sum, branch) => sum + branch.size, 0);
  }

  component(key: ComponentKey): Component | undefined {
    return this.#shard(placeOf(key)).components.get(key);
  }

  document(path: string): Json | undefined {
    const documents = this.component(componentKey(path))?.documents;
    return documents !== undefined && Object.hasOwn(documents, path) ? documents[path] : undefined;
  }

  /** All components in their order. Sorts: O(n log n). */
  components(): readonly Component[] {
    return this.#branches
      .flatMap((branch) => branch.shards)
      .flatMap((shard) => [...shard.components.values()])
      .sort((one, other) => one.order - other.order);
  }

  /** The whole state as one object, components in their order. */
  toFlat(): FlatState {
    return Object.fromEntries(this.components().flatMap((component) => Object.entries(component.documents)));
  }

  /** The state with these documents changed; `this` when that makes no difference. New components come last. */
  with(changes: DocumentChanges): StateTree {
    const byComponent = Map.groupBy(changes, ([path]) => componentKey(path));
    const rebuilt = new Map<ComponentKey, Component | undefined>();
    let nextOrder = this.#nextOrder;
    for (const [key, entries] of byComponent) {
      const before = this.component(key);
      const component = changedComponent(key, before, entries, nextOrder);
      if (component === before) continue;
      rebuilt.set(key, component);
      nextOrder += 1;
    }
    return rebuilt.size === 0 ? this : new StateTree(this.#withComponents(rebuilt), nextOrder);
  }

  /**
   * The tree of `state`, which shares every component with this one whose documents and order are the same. Components
   * stand in the order in which their first own document does; one that has nothing but `_config/…` where that does.
   */
  replacedBy(state: FlatState): StateTree {
    const components = new Map<ComponentKey, Component>();
    for (const [order, [key, documents]] of groupByComponent(state).entries()) {
      components.set(key, reuse(this.component(key), componentFrom(key, documents, order)));
    }
    const byPlace = Map.groupBy(components.values(), (component) => placeOf(component.key));
    const shards = new Map<number, Shard>();
    for (let place = 0; place < fanOut * fanOut; place += 1) {
      const members = byPlace.get(place) ?? [];
      const before = this.#shard(place).components;
      const same =
        members.length === before.size && members.every((member) => before.get(member.key) === member);
      if (!same) shards.set(place, shardWith(new Map(members.map((member) => [member.key, member]))));
    }
    return new StateTree(withShards(this.#branches, shards), components.size);
  }

  /**
   * Keys of the components whose documents differ from those in `before`, those of `before` that are gone included.
   * Looks only into shards that are not shared: what one change has made of a tree is found in constant time.
   */
  changedSince(before: StateTree): ReadonlySet<ComponentKey> {
    const changed = new Set<ComponentKey>();
    for (const [index, branch] of this.#branches.entries()) {
      const old = before.#branches[index] ?? emptyBranch;
      if (old.digest === branch.digest) continue;
      for (const [position, shard] of branch.shards.entries()) {
        for (const key of differences(old.shards[position] ?? emptyShard, shard)) changed.add(key);
      }
    }
    return changed;
  }

  #shard(place: number): Shard {
    return this.#branches[Math.floor(place / fanOut)]?.shards[place % fanOut] ?? emptyShard;
  }

  #withComponents(rebuilt: ReadonlyMap<ComponentKey, Component | undefined>): readonly Branch[] {
    const shards = new Map<number, Shard>();
    for (const [place, entries] of Map.groupBy(rebuilt, ([key]) => placeOf(key))) {
      const components = new Map(this.#shard(place).components);
      for (const [key, component] of entries) {
        if (component === undefined) components.delete(key);
        else components.set(key, component);
      }
      shards.set(place, shardWith(components));
    }
    return withShards(this.#branches, shards);
  }
}

/** The key of the component that a container of this name is. */
export function containerComponent(name: string): ComponentKey {
  return `${name}/`;
}

/** The key of the component that a document belongs to. */
function componentKey(path: string): ComponentKey {
  const name = componentOf(path);
  return name === null ? path : containerComponent(name);
}

function componentFrom(key: ComponentKey, documents: FlatState, order: number): Component {
  const name = componentOf(Object.keys(documents)[0] ?? '');
  const digest = digestOf(documents);
  return Object.freeze({ key, name, documents: freeze(documents, true), digest, order });
}

/** `component`, or as much of the one before it as has the same content. */
function reuse(before: Component | undefined, component: Component): Component {
  if (before?.digest !== component.digest) return component;
  return before.order === component.order
    ? before
    : Object.freeze({ ...component, documents: before.documents });
}

/** What a component becomes; undefined when its last document goes, `before` itself when nothing differs. */
function changedComponent(
  key: ComponentKey,
  before: Component | undefined,
  changes: readonly (readonly [string, Json | undefined])[],
  nextOrder: number,
): Component | undefined {
  const documents = new Map(Object.entries(before?.documents ?? {}));
  for (const [path, document] of changes) {
    if (document === undefined) documents.delete(path);
    else documents.set(path, document);
  }
  if (documents.size === 0) return undefined;
  const flat = Object.fromEntries(documents);
  const stays = before !== undefined && (hasOwnDocument(before.documents) || !hasOwnDocument(flat));
  return reuse(before, componentFrom(key, flat, stays ? before.order : nextOrder));
}

/** More than `_config/<name>/…` is there: the component has appeared itself. */
function hasOwnDocument(documents: FlatState): boolean {
  return Object.keys(documents).some((path) => !path.startsWith(configPrefix));
}

/** Documents by component, in the order in which the components appear. */
function groupByComponent(state: FlatState): readonly (readonly [ComponentKey, FlatState])[] {
  const groups = new Map<ComponentKey, { appears: number; own: boolean; entries: [string, Json][] }>();
  for (const [index, entry] of Object.entries(state).entries()) {
    const key = componentKey(entry[0]);
    const own = !entry[0].startsWith(configPrefix);
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, { appears: index, own, entries: [entry] });
      continue;
    }
    group.entries.push(entry);
    if (own && !group.own) Object.assign(group, { appears: index, own });
  }
  return [...groups]
    .sort(([, one], [, other]) => one.appears - other.appears)
    .map(([key, group]) => [key, Object.fromEntries(group.entries)]);
}

function differences(before: Shard, after: Shard): readonly ComponentKey[] {
  if (before.digest === after.digest) return [];
  const keys = new Set([...before.components.keys(), ...after.components.keys()]);
  return [...keys].filter((key) => before.components.get(key)?.digest !== after.components.get(key)?.digest);
}

function withShards(branches: readonly Branch[], shards: ReadonlyMap<number, Shard>): readonly Branch[] {
  const next = [...branches];
  for (const [index, entries] of Map.groupBy(shards, ([place]) => Math.floor(place / fanOut))) {
    const members = [...(next[index] ?? emptyBranch).shards];
    for (const [place, shard] of entries) members[place % fanOut] = shard;
    next[index] = branchWith(members);
  }
  return next;
}

function branchWith(shards: readonly Shard[]): Branch {
  const size = shards.reduce((sum, shard) => sum + shard.size, 0);
  if (size === 0) return emptyBranch;
  return { shards, digest: sha256(shards.map((shard) => shard.digest).join()), size };
}

function shardWith(components: ReadonlyMap<ComponentKey, Component>): Shard {
  if (components.size === 0) return emptyShard;
  const lines = [...components.values()].map((component) => `${component.digest} ${component.key}`);
  let size = 0;
  for (const { documents } of components.values()) size += Object.keys(documents).length;
  return { components, digest: sha256(lines.sort().join('\n')), size };
}

/** FNV-1a (32 bit) over UTF-16 code units, folded to a place in the tree: only speed depends on how well it spreads. */
function placeOf(key: ComponentKey): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < key.length; index += 1) {
    value = Math.imul(value ^ key.charCodeAt(index), 0x01000193);
  }
  return ((value >>> 16) ^ value) & (fanOut * fanOut - 1);
}

function sha256(text: string): string {
  return hash('sha256', text, 'hex');
}
