import { isDeepStrictEqual } from 'node:util';
import { devicePath } from './component.ts';
import type { Readings } from './desired-content.ts';
import { inDocumentOrder } from './document-order.ts';
import type { ContainerReading } from './draft.ts';
import { acceptable, type Finding } from './finding.ts';
import type { Groups, RankedGroup } from './groups.ts';
import type { ListenerManifest } from './listeners.ts';
import type { readDevice } from './read-device.ts';
import type { LinkChanges } from './resolve-links.ts';
import type { Resolution } from './resolve-service.ts';
import type { PoolSpec } from './resource.ts';
import { containerComponent, type StateTree } from './tree.ts';
import { validateContainerAgainst } from './validate.ts';

/** What was read of `device.json`. */
export type DeviceReading = ReturnType<typeof readDevice>;

/** What follows from a draft before anything is allocated. */
export interface Outlook {
  readonly tree: StateTree;
  readonly device: DeviceReading;
  readonly groups: Groups;
  /** Containers that differ; null: gone. */
  readonly readings: Readings;
  /** Consumers whose links differ; null: it has no requirements any more. */
  readonly links: LinkChanges;
  /** Pools that differ; null: gone. */
  readonly pools: ReadonlyMap<string, PoolSpec | null>;
  /** Groups that differ; null: gone. */
  readonly changedGroups: ReadonlyMap<string, RankedGroup | null>;
  /** What each rule of ingress leads to, by its name (ING-4). */
  readonly resolutions: ReadonlyMap<string, Resolution>;
  /** Listeners that differ as far as their rules do; null: gone. */
  readonly changedListeners: ReadonlyMap<string, ListenerManifest | null>;
  /** Findings of each container that has any. */
  readonly warned: ReadonlyMap<string, readonly Finding[]>;
}

/** What there is to say of a container, by itself, against its device and against other containers, in the order of its documents. */
export function findingsOf(
  name: string,
  reading: ContainerReading,
  { tree, device, missing, links }: Review,
): readonly Finding[] {
  // What an erroneous device document leaves out would seem not to be there.
  const manifest = acceptable(device.findings) ? reading.manifest : null;
  const against = manifest === null ? [] : validateContainerAgainst(device.device, manifest);
  return inOrderOf(tree, name, [...reading.findings, ...missing, ...against, ...links]);
}

/** What a container is looked at against. */
export interface Review {
  readonly tree: StateTree;
  readonly device: DeviceReading;
  /** Of objects that it needs and that can't be had. */
  readonly missing: readonly Finding[];
  /** Of services that it uses. */
  readonly links: readonly Finding[];
}

/** Findings of one container, in the order of its documents. */
export function inOrderOf(
  tree: StateTree,
  container: string,
  findings: readonly Finding[],
): readonly Finding[] {
  return inDocumentOrder(findings, tree.component(containerComponent(container))?.documents ?? {});
}

/** All findings of a revision's documents, in the order of its components. */
export function findingsInOrder({
  tree,
  device,
  resolutions,
  warned,
}: Pick<Outlook, 'tree' | 'device' | 'resolutions' | 'warned'>): readonly Finding[] {
  const deviceOrder = tree.component(devicePath)?.order ?? -1;
  const unresolved = unresolvedIn(resolutions);
  const ofDevice =
    unresolved.length === 0
      ? device.findings
      : inDocumentOrder([...device.findings, ...unresolved], tree.component(devicePath)?.documents ?? {});
  return [
    { order: deviceOrder, findings: ofDevice },
    ...[...warned].map(([name, findings]) => ({ order: orderIn(tree, name), findings })),
  ]
    .sort((one, other) => one.order - other.order)
    .flatMap(({ findings }) => findings);
}

function unresolvedIn(resolutions: Outlook['resolutions']): readonly Finding[] {
  return [...resolutions.values()].flatMap((resolution) =>
    resolution?.type === 'unresolved' ? [resolution.finding] : [],
  );
}

/** Place of a container in the revision; those that are not in it come last. */
export function orderIn(tree: StateTree, container: string): number {
  return tree.component(containerComponent(container))?.order ?? Number.MAX_SAFE_INTEGER;
}

/** Entries that are not the same in both; null: gone. */
export function changedEntries<Value>(
  before: ReadonlyMap<string, Value>,
  after: ReadonlyMap<string, Value>,
): ReadonlyMap<string, Value | null> {
  const changed = new Map<string, Value | null>();
  for (const name of before.keys()) if (!after.has(name)) changed.set(name, null);
  for (const [name, spec] of after) {
    const former = before.get(name);
    if (former === undefined || !isDeepStrictEqual(former, spec)) changed.set(name, spec);
  }
  return changed;
}
