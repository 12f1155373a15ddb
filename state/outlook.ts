import type { ContainerReading } from './draft.ts';
import { acceptable, type Finding } from './finding.ts';
import { digestOf } from './json.ts';
import type { readDevice } from './read-device.ts';
import type { PoolSpec } from './resource.ts';
import { containerComponent, type StateTree } from './tree.ts';
import { validateContainerAgainst } from './validate.ts';

/** The document that all containers share. */
export const devicePath = 'device.json';

/** What was read of `device.json`. */
export type DeviceReading = ReturnType<typeof readDevice>;

/** What follows from a draft before anything is allocated. */
export interface Outlook {
  readonly tree: StateTree;
  readonly device: DeviceReading;
  /** Containers that differ; null: gone. */
  readonly readings: ReadonlyMap<string, ContainerReading | null>;
  /** Pools that differ; null: gone. */
  readonly pools: ReadonlyMap<string, PoolSpec | null>;
  /** Findings of each container that has any. */
  readonly warned: ReadonlyMap<string, readonly Finding[]>;
}

/** What there is to say of a container, by itself and against its device. */
export function findingsOf(reading: ContainerReading, device: DeviceReading): readonly Finding[] {
  // What an erroneous device document leaves out would seem not to be there.
  if (reading.manifest === null || !acceptable(device.findings)) return reading.findings;
  return [...reading.findings, ...validateContainerAgainst(device.device, reading.manifest)];
}

/** All findings of a revision, in the order of its components. */
export function findingsInOrder({
  tree,
  device,
  warned,
}: Pick<Outlook, 'tree' | 'device' | 'warned'>): readonly Finding[] {
  const deviceOrder = tree.component(devicePath)?.order ?? -1;
  return [
    { order: deviceOrder, findings: device.findings },
    ...[...warned].map(([name, findings]) => ({ order: orderIn(tree, name), findings })),
  ]
    .sort((one, other) => one.order - other.order)
    .flatMap(({ findings }) => findings);
}

/** Place of a container in the revision; those that are not in it come last. */
export function orderIn(tree: StateTree, container: string): number {
  return tree.component(containerComponent(container))?.order ?? Number.MAX_SAFE_INTEGER;
}

/** Pools that are not the same in both; null: gone. */
export function changedPools(
  before: ReadonlyMap<string, PoolSpec>,
  after: ReadonlyMap<string, PoolSpec>,
): ReadonlyMap<string, PoolSpec | null> {
  const changed = new Map<string, PoolSpec | null>();
  for (const name of before.keys()) if (!after.has(name)) changed.set(name, null);
  for (const [name, spec] of after) {
    const former = before.get(name);
    if (former === undefined || digestOf(former) !== digestOf(spec)) changed.set(name, spec);
  }
  return changed;
}
