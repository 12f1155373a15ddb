import type { ProxyListener } from '../proxy.ts';
import { listenerSection, routeSection } from './proxy-names.ts';

/** Asks a process; null: it has ended. */
export type Ask = (command: string) => Promise<string | null>;

/** Sections of `before` that `after` does not have. */
export function retiredBy(
  before: readonly ProxyListener[],
  after: readonly ProxyListener[],
): ReadonlySet<string> {
  const kept = new Set(after.flatMap(sectionsOf));
  return new Set(before.flatMap(sectionsOf).filter((section) => !kept.has(section)));
}

function sectionsOf(listener: ProxyListener): readonly string[] {
  const routes = listener.routes.map((route) => routeSection(listener, route));
  return listener.type === 'http' ? [listenerSection(listener), ...routes] : routes;
}

/**
 * In a process that drains, ends the connections of these sections, and has whoever is still connected find no way to them: no byte gets to where
 * a rule led that is no more (hardening: an address that is used again).
 */
export async function retire(sections: ReadonlySet<string>, ask: Ask): Promise<void> {
  for (const file of mapsIn((await ask('show map')) ?? '')) {
    for (const key of keysTo(sections, (await ask(`show map ${file}`)) ?? '')) {
      await ask(`set map ${file} ${escaped(key)} gone`);
    }
  }
  for (const session of sessionsOf(sections, (await ask('show sess')) ?? '')) {
    await ask(`shutdown session ${session}`);
  }
}

/** Numbers, with `#`, of lines such as `0 (/path/routes-1234) pattern loaded from file …`: each process has its own. */
function mapsIn(list: string): readonly string[] {
  return [...list.matchAll(/^(\d+) \(\S*\) .*\bmap\b/gm)].map(([, number]) => `#${number}`);
}

/** Of lines such as `0x55c7f2d904b0 <key> <section>`. */
function keysTo(sections: ReadonlySet<string>, map: string): readonly string[] {
  return map.split('\n').flatMap((line) => {
    const [, key, section] = line.split(' ');
    return key !== undefined && section !== undefined && sections.has(section) ? [key] : [];
  });
}

/** Of lines such as `0x7f7e7403e750: proto=tcpv4 src=… fe=<section> be=<section> srv=s …`. */
function sessionsOf(sections: ReadonlySet<string>, table: string): readonly string[] {
  return [...table.matchAll(/^(0x[0-9a-f]+): .* fe=(\S+) be=(\S+) /gm)].flatMap(
    ([, session = '', ...through]) => (through.some((section) => sections.has(section)) ? [session] : []),
  );
}

/** What ends a word or a command (management.txt, 9.3). */
function escaped(word: string): string {
  return word.replace(/[\\; ]/g, '\\$&');
}
