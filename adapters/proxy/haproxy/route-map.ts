import type { ProxyRoute } from '../proxy.ts';
import { escaped } from './command-socket.ts';
import type { Named } from './proxy-names.ts';

/**
 * What requests are looked up in (a map of HAProxy). Of listeners: where they are led, from `<listener>:<host><path>/`, `<listener>*<suffix><path>/` or `<listener>:<path>/` to `<section>/<segments>`: the section of
 * the route, and how many segments are taken off the path before (see shared-rules.ts). Of rest links: in whose name they are made, from the section of the link to
 * `<client> <role>` (see link-rules.ts). A process that serves can be given another.
 */
export type RouteMap = ReadonlyMap<string, string>;

/** Of two routes for the very same requests the first is meant. */
export function routeMapOf({ listeners, links }: Named): RouteMap {
  const map = new Map<string, string>();
  for (const { section, routes } of listeners.filter(({ type }) => type === 'http')) {
    for (const route of routes) {
      const key = `${section}${hostKey(route)}${route.path}/`;
      if (!map.has(key)) map.set(key, `${route.section}/${strippedSegments(route)}`);
    }
  }
  for (const { section, identity } of links) map.set(section, identity);
  return map;
}

/** Key under which a process says what its routes are for; nothing that is asked for begins with it. */
const servedKey = 'served';

/** What a process reads when it starts (configuration.txt, `map`): all that it leads to, and what it answers to `servedQuestion`. */
export function routeFile(digests: readonly string[], routes: RouteMap): string {
  return [[servedKey, digests.join('/')], ...routes].map(([key, value]) => `${key} ${value}\n`).join('');
}

/** Asks a process for the digest of its routes (management.txt, `get map`). */
export function servedQuestion(file: string): string {
  return `get map ${escaped(file)} ${servedKey}`;
}

/** Answers to `servedQuestion`: one digest; more while it comes in the place of those before the last one; none where it does not know. */
export function servedDigests(answer: string): readonly string[] {
  return /\bkey="served", value="([0-9a-f/]+)"/.exec(answer)?.[1]?.split('/') ?? [];
}

/** Has a process answer `servedQuestion` so. */
export function servedCommand(file: string, digests: readonly string[]): string {
  return mapCommand('set', file, servedKey, digests.join('/'));
}

/**
 * Commands that make the routes of a process that serves, `before`, those of `after`. Each takes effect by itself: what is new comes first, so that a
 * rule which moves is always found.
 */
export function routeCommands(file: string, before: RouteMap, after: RouteMap): readonly string[] {
  const entries = [...after];
  return [
    ...entries.filter(([key]) => !before.has(key)).map((entry) => mapCommand('add', file, ...entry)),
    ...entries
      .filter(([key, value]) => before.has(key) && before.get(key) !== value)
      .map((entry) => mapCommand('set', file, ...entry)),
    ...[...before.keys()].filter((key) => !after.has(key)).map((key) => mapCommand('del', file, key)),
  ];
}

function mapCommand(verb: 'add' | 'set' | 'del', ...words: readonly string[]): string {
  return [verb, 'map', ...words.map(escaped)].join(' ');
}

/** How many segments of the path a provider does not get (ING-6). */
export function strippedSegments({ path, keepPrefix }: ProxyRoute): number {
  return keepPrefix ? 0 : path.split('/').length - 1;
}

/** How many labels the wildcards have, the longest first: `*.a.example` has two. */
export function wildcardDepths(routes: readonly ProxyRoute[]): readonly number[] {
  const depths = routes.filter(isWildcard).map((route) => suffixOf(route).split('.').length);
  return [...new Set(depths)].sort((one, other) => other - one);
}

/** The characters of a host and of a path of a rule (ING-2): nothing that ends a word of a map file. */
const hostPattern = /^[a-z0-9.-]+$/;
const pathPattern = /^(?:\/[!-~]+)?$/;

export function hasPlainPath({ path }: ProxyRoute): boolean {
  return pathPattern.test(path);
}

export function hasPlainHost(route: ProxyRoute): boolean {
  return route.host === null || hostPattern.test(isWildcard(route) ? suffixOf(route) : route.host);
}

function hostKey(route: ProxyRoute): string {
  return isWildcard(route) ? `*${suffixOf(route)}` : `:${route.host ?? ''}`;
}

function isWildcard({ host }: ProxyRoute): boolean {
  return host?.startsWith('*.') ?? false;
}

/** `a.example` of `*.a.example`. */
function suffixOf({ host }: ProxyRoute): string {
  return (host ?? '').slice(2);
}
