import type { RouteSpec } from './resource.ts';

/** What of a route says which requests are its own. */
export type Matching = Pick<RouteSpec, 'host' | 'path'>;

/**
 * The order in which the routes of a listener are tried (ING-2, ING-6): exact hosts, then wildcards, the longest first, then those for every
 * host; of one host, the longest path first. Equal ones keep their order.
 */
export function inMatchingOrder<Route extends Matching>(routes: readonly Route[]): readonly Route[] {
  return [...routes].sort(
    (one, other) =>
      hostRank(other.host) - hostRank(one.host) ||
      (other.host?.length ?? 0) - (one.host?.length ?? 0) ||
      other.path.length - one.path.length,
  );
}

function hostRank(host: string | null): number {
  if (host === null) return 0;
  return host.startsWith('*.') ? 1 : 2;
}

/**
 * The route for a request; null: there is none (404). `routes` in matching order; `host` as the request names it, in any case, without
 * its port; `path` as it stands in the request, without its query.
 */
export function matchRoute<Route extends Matching>(
  routes: readonly Route[],
  host: string,
  path: string,
): Route | null {
  const name = host.toLowerCase();
  return routes.find((route) => matchesHost(route.host, name) && matchesPath(route.path, path)) ?? null;
}

function matchesHost(pattern: string | null, host: string): boolean {
  if (pattern === null || pattern === host) return true;
  return pattern.startsWith('*.') && host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1;
}

/** Whole segments: `/api` is for `/api` and `/api/x`, not for `/apix` (ING-6). */
function matchesPath(prefix: string, path: string): boolean {
  return (
    path.startsWith(prefix) && (path.length === prefix.length || prefix === '' || path[prefix.length] === '/')
  );
}

/** What the provider gets for `path` of a request that `route` serves: without the prefix, and never empty (ING-6). */
export function forwardedPath(route: Pick<RouteSpec, 'path' | 'keepPrefix'>, path: string): string {
  if (route.keepPrefix) return path;
  const rest = path.slice(route.path.length);
  return rest === '' ? '/' : rest;
}
