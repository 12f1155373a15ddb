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
 * Section of HAProxy that leads to what a route is for: `r` and 24 hexadecimal digits. It is named by the rule, which it counts for, and by where that
 * leads: what is open in a process that drains belongs to a rule that leads there no more exactly when its name is gone.
 */
export function routeSection(listener: Pick<ProxyListener, 'name' | 'type'>, route: ProxyRoute): string {
  const { rule, backend } = route;
  return `r${hashed(listener.name, listener.type, rule, backend)}`;
}

export interface NamedRoute extends ProxyRoute {
  readonly section: string;
}

/** A listener with the sections of it and its routes. */
export interface NamedListener extends ProxyListener {
  readonly section: string;
  readonly routes: readonly NamedRoute[];
}

/** Names take longer to make than all else that is made of a listener: each is made once for a change. */
export function named(listeners: readonly ProxyListener[]): readonly NamedListener[] {
  return listeners.map((listener) => ({
    ...listener,
    section: listenerSection(listener),
    routes: listener.routes.map((route) => ({ ...route, section: routeSection(listener, route) })),
  }));
}
