import type { DesiredContent } from './desired-content.ts';
import type { Groups, RankedGroup } from './groups.ts';

/** Containers of `content` whose group, or place among the groups, is another in `groups`, which differ from those of the content in `changedGroups`. */
export function* containersPlacedAnew(
  content: DesiredContent,
  {
    groups,
    changedGroups,
  }: { readonly groups: Groups; readonly changedGroups: ReadonlyMap<string, RankedGroup | null> },
): Iterable<string> {
  if (changedGroups.size === 0) return;
  // Those in no group come after all groups: how many there are is their place.
  const moved = groups.size !== content.standing.groups.size;
  for (const group of content.byGroup.names()) {
    if (changedGroups.has(group) || (moved && !groups.has(group))) yield* content.byGroup.naming(group);
  }
}
