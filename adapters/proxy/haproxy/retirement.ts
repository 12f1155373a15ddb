import { escaped } from './command-socket.ts';
import type { Named, NamedListener } from './proxy-names.ts';
import type { RouteMap } from './route-map.ts';

/** Asks a process; null: it has ended. */
export type Ask = (command: string) => Promise<string | null>;

/** Sections of `before` that `after` does not have. */
export function retiredBy(before: Named, after: Named): ReadonlySet<string> {
  const kept = new Set(allSections(after));
  return new Set(allSections(before).filter((section) => !kept.has(section)));
}

/** Keys of `before` that lead elsewhere in `after`, or nowhere. */
export function misleadingKeys(before: RouteMap, after: RouteMap): readonly string[] {
  return [...before].filter(([key, value]) => after.get(key) !== value).map(([key]) => key);
}

function allSections({ listeners, links }: Named): readonly string[] {
  return [...listeners.flatMap(sectionsOf), ...links.map(({ section }) => section)];
}

function sectionsOf({ type, section, routes }: NamedListener): readonly string[] {
  const leading = routes.map((route) => route.section);
  return type === 'http' ? [section, ...leading] : leading;
}

/** What a process that drains leads to, and shall not any more. */
export interface Retirement {
  readonly sections: ReadonlySet<string>;
  /** Of its routes, which are known to it as `file`. */
  readonly keys: readonly string[];
  readonly file: string;
}

/**
 * In a process that drains, ends the connections of these sections, and has whoever is still connected find no way by these keys: no byte gets to
 * where a rule led that is no more (hardening: an address that is used again).
 */
export async function retire({ sections, keys, file }: Retirement, ask: Ask): Promise<void> {
  // A key that came after it began to drain is not there.
  for (const key of keys) await ask(`set map ${escaped(file)} ${escaped(key)} gone`);
  if (sections.size === 0) return;
  for (const session of sessionsOf(sections, (await ask('show sess')) ?? '')) {
    await ask(`shutdown session ${session}`);
  }
}

/** Of lines such as `0x7f7e7403e750: proto=tcpv4 src=… fe=<section> be=<section> srv=s …`. */
function sessionsOf(sections: ReadonlySet<string>, table: string): readonly string[] {
  return [...table.matchAll(/^(0x[0-9a-f]+): .* fe=(\S+) be=(\S+) /gm)].flatMap(
    ([, session = '', ...through]) => (through.some((section) => sections.has(section)) ? [session] : []),
  );
}
