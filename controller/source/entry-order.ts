import { componentOf, configPrefix } from '../../state/component.ts';
import { isJsonObject, type Json } from '../../state/json.ts';

/**
 * The entries in the order in which a directory's containers come (REV-2): what belongs to the device first, then the
 * containers by the order of their groups in `device.json`, then by name, each with its files by path; their `_config`
 * files last. Containers without a group that `device.json` lists come after all groups. Names are compared by UTF-16 code
 * unit, so that the order is the same everywhere.
 */
export function inContainerOrder(entries: ReadonlyMap<string, Json>): ReadonlyMap<string, Json> {
  const groups = groupNames(entries.get('device.json'));
  const placed = [...entries].map(([path, value]) => ({
    path,
    value,
    place: placeOf(path, entries, groups),
  }));
  placed.sort((a, b) => compare(a.place, b.place));
  return new Map(placed.map(({ path, value }) => [path, value]));
}

type Place = readonly [section: number, group: number, container: string, path: string];

function placeOf(path: string, entries: ReadonlyMap<string, Json>, groups: readonly string[]): Place {
  const component = componentOf(path);
  if (component === null) return [path.includes('/') ? 1 : 0, 0, '', path];
  if (path.startsWith(configPrefix)) return [3, 0, '', path];
  const run = entries.get(`${component}/run.json`);
  const group = isJsonObject(run) && typeof run.group === 'string' ? groups.indexOf(run.group) : -1;
  return [2, group === -1 ? groups.length : group, component, path];
}

function groupNames(device: Json | undefined): readonly string[] {
  const groups = isJsonObject(device) ? device.groups : undefined;
  if (!Array.isArray(groups)) return [];
  return groups.map((group: Json) =>
    isJsonObject(group) && typeof group.name === 'string' ? group.name : '',
  );
}

function compare(a: Place, b: Place): number {
  for (const [index, part] of a.entries()) {
    const other = b[index];
    if (other !== undefined && part !== other) return part < other ? -1 : 1;
  }
  return 0;
}
