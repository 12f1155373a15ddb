import { hash } from 'node:crypto';
import { identityText } from '../link-identity.ts';
import type { ProxyListener, ProxyRoute, RestListener, ServedListener } from '../proxy.ts';

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

/** A rest link with the section that leads to its provider, and what else is made of it once. */
export interface NamedLink extends RestListener {
  readonly section: string;
  readonly slot: number;
  /** In whose name its requests are made: `<client> <role>` (identityText). */
  readonly identity: string;
  /** The link alone, as JSON. */
  readonly json: string;
  /** Digest of that and the slot. */
  readonly digest: string;
}

/** What is served, each part in the order in which it was given. */
export interface Named {
  readonly listeners: readonly NamedListener[];
  readonly links: readonly NamedLink[];
}

export const nothingNamed: Named = { listeners: [], links: [] };

/** Section, and name of the socket, of what is in a slot (LinkSlots): `u` and its number. */
export function slotSection(slot: number): string {
  return `u${slot}`;
}

export function namedLink(link: RestListener, slot: number): NamedLink {
  const identity = `${identityText(link.client)} ${identityText(link.role)}`;
  const json = JSON.stringify(link);
  const digest = hash('sha256', `${slot} ${json}`, 'hex').slice(0, 32);
  return { ...link, slot, section: slotSection(slot), identity, json, digest };
}

/**
 * Names take longer to make than all else that is made of a listener: each is made once for a change, those of links by `nameLink`. `held`: slots of the
 * rest links among them.
 */
export function named(
  served: readonly ServedListener[],
  held: readonly number[],
  nameLink: (link: RestListener, slot: number) => NamedLink = namedLink,
): Named {
  return {
    listeners: served.filter(isProxied).map((listener) => ({
      ...listener,
      section: listenerSection(listener),
      routes: listener.routes.map((route) => ({ ...route, section: routeSection(listener, route) })),
    })),
    links: served.filter(isRest).map((link, index) => nameLink(link, held[index] ?? 0)),
  };
}

/** All that is in any of these. */
export function namedTogether(parts: readonly Named[]): Named {
  const [first, ...others] = parts;
  if (first !== undefined && others.length === 0) return first;
  const links = new Map(parts.flatMap((part) => part.links).map((link) => [link.slot, link]));
  return { listeners: parts.flatMap(({ listeners }) => listeners), links: [...links.values()] };
}

/** Links of `after` that `before` does not have, or in another slot. */
export function comingLinks(before: Named, after: Named): readonly NamedLink[] {
  const known = new Set(before.links.map(({ slot }) => slot));
  return after.links.filter(({ slot }) => !known.has(slot));
}

export function isRest(listener: ServedListener): listener is RestListener {
  return listener.type === 'rest';
}

function isProxied(listener: ServedListener): listener is ProxyListener {
  return listener.type !== 'rest';
}

/** Of one rule, or link: the section by which HAProxy counts for it. */
export interface CountedRule {
  readonly section: string;
  readonly listener: string;
  readonly rule: string;
  /** It has a socket of its own, of the section's name. */
  readonly isLink: boolean;
}

export function countedRules({ listeners, links }: Named): readonly CountedRule[] {
  return [
    ...listeners.flatMap(({ name, routes }) =>
      routes.map(({ section, rule }) => ({ section, listener: name, rule, isLink: false })),
    ),
    ...links.map(({ name, section }) => ({ section, listener: name, rule: '', isLink: true })),
  ];
}
