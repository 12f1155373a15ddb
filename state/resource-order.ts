import { orderIn } from './outlook.ts';
import { type DesiredResource, type Key, kindOf, nameOf } from './resource.ts';
import type { StateTree } from './tree.ts';

type Entry = readonly [Key, DesiredResource | null];

/**
 * `changes` that lead from one revision to another, in the order of the latter: links and listeners that are gone, pools, groups, each
 * container after its leases, and what is gone of it after that; then containers that are gone, as they stood in the former, groups and
 * pools that are, listeners, and links by their consumers.
 */
export function inRevisionOrder(
  changes: Iterable<Entry>,
  from: StateTree,
  to: StateTree,
): ReadonlyMap<Key, DesiredResource | null> {
  const placed = [...changes].map((entry) => ({ entry, place: placeOf(entry, from, to) }));
  placed.sort(({ place: one }, { place: other }) => {
    for (const [index, rank] of one.entries()) {
      const difference = rank - (other[index] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  });
  return new Map(placed.map(({ entry }) => entry));
}

function placeOf([key, resource]: Entry, from: StateTree, to: StateTree): readonly number[] {
  const ofContainer = (name: string, rank: number) => [2, orderIn(to, name), orderIn(from, name), rank];
  switch (kindOf(key)) {
    case 'pool':
      return [resource === null ? 4 : 0];
    case 'group':
      return resource === null ? [3] : [1, (resource as DesiredResource<'group'>).spec.rank];
    case 'lease': {
      const [, container = ''] = nameOf(key).split('/');
      return ofContainer(container, resource === null ? 2 : 0);
    }
    case 'container':
      return ofContainer(nameOf(key), resource === null ? 2 : 1);
    case 'listener':
      return [resource === null ? -1 : 5];
    case 'link': {
      const [consumer = ''] = nameOf(key).split('/');
      return resource === null ? [-2, orderIn(from, consumer)] : [6, orderIn(to, consumer)];
    }
  }
}
