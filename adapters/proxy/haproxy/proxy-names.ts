import { hash } from 'node:crypto';
import type { ProxyListener, ProxyRoute } from '../proxy.ts';

/**
 * Names under which HAProxy knows our listeners and routes. They are hashes: what a name of a rule says never stands in a configuration or a
 * command, whatever is in it (newlines, braces, 4 KiB).
 */

function hashed(...parts: readonly unknown[]): string {
  return hash('sha256', JSON.stringify(parts), 'hex').slice(0, 24);
}

/** Section of HAProxy that listens: `l` and 24 hexadecimal digits. */
export function listenerSection(listener: Pick<ProxyListener, 'name'>): string {
  return `l${hashed(listener.name)}`;
}

/**
 * Section of HAProxy that leads to what a route is for: `r` and 24 hexadecimal digits. A route that differs in anything, but for what it is
 * counted as, has another one: what is open in a process that drains belongs to a route that is there no more exactly when its name is gone.
 */
export function routeSection(listener: Pick<ProxyListener, 'name' | 'type'>, route: ProxyRoute): string {
  const { rule, host, path, keepPrefix, backend } = route;
  return `r${hashed(listener.name, listener.type, rule, host, path, keepPrefix, backend)}`;
}
