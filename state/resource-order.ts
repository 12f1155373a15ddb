import { orderIn } from './outlook.ts';
import { type DesiredResource, type Key, kindOf, nameOf } from './resource.ts';
import type { StateTree } from './tree.ts';

type Entry = readonly [Key, DesiredResource | null];

/**
 * `changes` in the order of a revision: pools, groups, each container after its leases, and what is gone of it after that; groups
 * and pools that are gone come last. Those of one kind that say nothing of their order keep it.
 */
export function inRevisionOrder(
  changes: Iterable<Entry>,
  tree: StateTree,
): ReadonlyMap<Key, DesiredResource | null> {
  const placed = [...changes].map((entry) => ({ entry, place: placeOf(entry, tree) }));
  placed.sort(({ place: one }, { place: other }) => {
    for (const [index, rank] of one.entries()) {
      const difference = rank - (other[index] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  });
  return new Map(placed.map(({ entry }) => entry));
}

function placeOf([key, resource]: Entry, tree: StateTree): readonly number[] {
  switch (kindOf(key)) {
    case 'pool':
      return [resource === null ? 4 : 0];
    case 'group':
      return resource === null ? [3] : [1, (resource as DesiredResource<'group'>).spec.rank];
    case 'lease': {
      const [, container = ''] = nameOf(key).split('/');
      return [2, orderIn(tree, container), resource === null ? 2 : 0];
    }
    case 'container':
      return [2, orderIn(tree, nameOf(key)), resource === null ? 2 : 1];
  }
}
