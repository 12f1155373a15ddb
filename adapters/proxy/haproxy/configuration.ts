import { hash } from 'node:crypto';
import { isIP } from 'node:net';
import { isSameLink } from '../link-identity.ts';
import {
  type ProxyBackend,
  ProxyError,
  type ProxyListener,
  type ProxyRoute,
  type RestListener,
  type ServedListener,
} from '../proxy.ts';
import { linkSections } from './link-rules.ts';
import type { LinkSlots } from './link-slots.ts';
import { isRest, type Named, type NamedLink, type NamedListener, named, namedLink } from './proxy-names.ts';
import {
  hasPlainHost,
  hasPlainPath,
  type RouteMap,
  routeMapOf,
  strippedSegments,
  wildcardDepths,
} from './route-map.ts';
import { errorAnswers, requestRules, type Timeouts, timeoutLines } from './shared-rules.ts';
import { filterLoading, type TrailerRules } from './trailer-rules.ts';

/** What HAProxy is given to read. */
export interface Configuration {
  /** Names all that it serves, and how: 64 hexadecimal digits. */
  readonly digest: string;
  /** Names the text, in the same way. A process that has read it says so (`show info`, description); it can be given other routes. */
  readonly structure: string;
  readonly text: string;
  readonly routes: RouteMap;
  readonly named: Named;
  readonly source: ServedSource;
  /** `source` as JSON. */
  readonly json: string;
}

/** What a configuration is made of. */
export interface ServedSource {
  /** As they were given. */
  readonly listeners: readonly ServedListener[];
  readonly slots: LinkSlots;
}

export interface ConfigurationSettings {
  /** Unix socket on which the process that serves takes commands. */
  readonly commandSocket: string;
  /** Where the routes will be when the text is read. */
  readonly routesFile: string;
  readonly timeouts: Timeouts;
  /** Where `trailerFilter` will be when the text is read. */
  readonly filterFile: string;
  /** Directory in which HAProxy listens for links, and finds what leads to their providers. */
  readonly linkDirectory: string;
  /** Descriptors that the process may have at most, besides one for each socket of a link; two for each connection. */
  readonly descriptorLimit: number;
}

/** Name in `linkDirectory` of the socket at which HAProxy listens for itself. */
const loopName = 'loop';

/** Names in `linkDirectory`: of the socket of a slot, and of the symbolic link to the provider of whoever has it. */
export function slotNames(slot: number): { readonly socket: string; readonly provider: string } {
  return { socket: `${slot}`, provider: `${slot}.to` };
}

/** What was rendered last, of which most is the same the next time. */
interface Rendered {
  readonly proxied: string;
  readonly made: readonly number[];
  readonly structure: string;
  readonly text: string;
}

/**
 * Makes what HAProxy reads (configuration.txt of HAProxy 2.6): a pure function of what is to be served, but that what is the same as the last time is not
 * made again. With a thousand links, of which one comes, that is all but one.
 */
export class ConfigurationMaker {
  readonly #settings: ConfigurationSettings;
  /** By their paths. */
  #links: ReadonlyMap<string, NamedLink> = new Map();
  #rendered: Rendered | null = null;

  constructor(settings: ConfigurationSettings) {
    this.#settings = settings;
  }

  /** Rejects what the syntax can't carry with a ProxyError, `ProxyConfigurationRefused`: all else is a number, an address, a hash or quoted. */
  make(source: ServedSource): Configuration {
    const { slots } = source;
    const all = this.named(source);
    this.#links = new Map(all.links.map((link) => [link.path, link]));
    const proxied = JSON.stringify(source.listeners.filter((one) => !isRest(one)));
    const { structure, text } = this.#render(all, slots, proxied);
    const order = placesOf(source);
    const parts = [structure, proxied, order, slots.spare, ...all.links.map((link) => link.digest)];
    const digest = hash('sha256', parts.join('\n'), 'hex');
    const json = joined(source, all);
    return { digest, structure, text, routes: routeMapOf(all), named: all, source, json };
  }

  named({ listeners, slots }: ServedSource): Named {
    return named(listeners, slots.held, (link, slot) => this.#known(link, slot) ?? namedLink(link, slot));
  }

  /** It was in what was made last. */
  knows(link: RestListener): boolean {
    const known = this.#links.get(link.path);
    return known !== undefined && isSameLink(known, link);
  }

  #known(link: RestListener, slot: number): NamedLink | null {
    const known = this.#links.get(link.path);
    return known?.slot === slot && isSameLink(known, link) ? known : null;
  }

  #render(all: Named, slots: LinkSlots, proxied: string): Rendered {
    const before = this.#rendered;
    if (before?.proxied === proxied && before.made === slots.made) return before;
    const sections = [
      ...all.listeners.flatMap((listener) => listenerLines(listener)),
      ...slotLines(slots, this.#settings),
    ].join('\n');
    const shared = (structure: string) => sharedText(slots, all, structure, this.#settings);
    const structure = hash('sha256', `${shared('')}\n${sections}`, 'hex');
    this.#rendered = { proxied, made: slots.made, structure, text: `${shared(structure)}\n${sections}\n` };
    return this.#rendered;
  }
}

/** Of links among other listeners. */
function placesOf({ listeners }: ServedSource): string {
  return listeners.map((one) => (isRest(one) ? '1' : '0')).join('');
}

/** `JSON.stringify(source)`, of parts that are there already. */
function joined({ listeners, slots }: ServedSource, { links }: Named): string {
  const link = links.values();
  const parts = listeners.map((one) => (isRest(one) ? link.next().value?.json : JSON.stringify(one)));
  return `{"listeners":[${parts.join()}],"slots":${JSON.stringify(slots)}}`;
}

function slotLines(slots: LinkSlots, settings: ConfigurationSettings): readonly string[] {
  const { routesFile, linkDirectory } = settings;
  const inDirectory = (name: string) => quoted(`unix@${checkedPath(`${linkDirectory}/${name}`)}`);
  return linkSections(slots, {
    routesFile: quoted(checkedPath(routesFile)),
    socketOf: (slot) => inDirectory(slotNames(slot).socket),
    providerOf: (slot) => inDirectory(slotNames(slot).provider),
    ...trailerRules(settings),
  });
}

function trailerRules({ filterFile, linkDirectory }: ConfigurationSettings): TrailerRules {
  return {
    filterFile: quoted(checkedPath(filterFile)),
    loopSocket: quoted(`unix@${checkedPath(`${linkDirectory}/${loopName}`)}`),
  };
}

function sharedText(
  slots: LinkSlots,
  { listeners }: Named,
  structure: string,
  settings: ConfigurationSettings,
): string {
  const { commandSocket, routesFile, timeouts, descriptorLimit } = settings;
  const all = listeners.flatMap(({ routes }) => routes);
  return [
    'global',
    `  description ${structure}`,
    `  stats socket ${quoted(`unix@${checkedPath(commandSocket)}`)} mode 600 level admin`,
    '  stats timeout 1h',
    `  fd-hard-limit ${descriptorLimit + slots.made.length}`,
    // Its own HTTP client, which nothing here uses, would read every certificate of the system at each start: 80 ms.
    '  httpclient.ssl.verify none',
    ...(slots.made.length === 0 ? [] : filterLoading(trailerRules(settings))),
    'defaults tcp',
    ...timeoutLines('tcp', timeouts),
    'defaults http',
    ...timeoutLines('http', timeouts),
    ...errorAnswers(),
    'defaults listen from http',
    ...requestRules({
      routesFile: quoted(checkedPath(routesFile)),
      wildcardDepths: wildcardDepths(all),
      // A rule that gets another path shall seldom need another text.
      mostStripped: Math.max(4, ...all.map(strippedSegments)),
    }),
  ].join('\n');
}

function listenerLines(listener: NamedListener): readonly string[] {
  const binds = listener.addresses.map((address) => bindLine(address, listener));
  if (listener.type === 'http') {
    return [
      `frontend ${listener.section} from listen`,
      ...binds,
      '  use_backend %[var(txn.route),field(1,/)]',
      ...backendLines(listener),
    ];
  }
  const [route, ...others] = listener.routes;
  if (route === undefined || others.length > 0 || route.backend === null) {
    throw refused(listener, `it has ${listener.routes.length} routes; expected one with a backend for tcp`);
  }
  return [`listen ${route.section} from tcp`, ...binds, ...serverLines(route.backend, listener)];
}

/** One section for each, in an order that is not the one of routes. */
function backendLines(listener: NamedListener): readonly string[] {
  const sections = listener.routes.map((route) => {
    requirePlain(listener, route);
    const head = `backend ${route.section} from http`;
    return [head, ...serverLines(route.backend, listener)].join('\n');
  });
  return [...new Set(sections)].sort();
}

function requirePlain(listener: ProxyListener, route: ProxyRoute): void {
  if (!hasPlainPath(route)) throw refused(listener, `a route has the path ${JSON.stringify(route.path)}`);
  if (!hasPlainHost(route)) throw refused(listener, `a route has the host ${JSON.stringify(route.host)}`);
}

function bindLine(address: string, listener: ProxyListener): string {
  const family = isIP(address);
  const { port } = listener;
  if (family === 0) throw refused(listener, `it listens at '${address}'; expected an IPv4 or IPv6 address`);
  if (!isPort(port)) throw refused(listener, `it listens at port ${port}; expected one from 1 to 65535`);
  // Without `proto h1`, a client could speak HTTP/2 from its first byte on.
  const how = `${family === 6 ? ' v6only' : ''}${listener.type === 'http' ? ' proto h1' : ''}`;
  return `  bind ${family === 6 ? `ipv6@${address}` : `ipv4@${address}`}:${port}${how}`;
}

function serverLines(backend: ProxyBackend | null, listener: ProxyListener): readonly string[] {
  return backend === null ? [] : [`  server s ${serverAddress(backend, listener)}`];
}

function serverAddress(backend: ProxyBackend, listener: ProxyListener): string {
  if (backend.type === 'socket') return quoted(`unix@${checkedPath(backend.path, listener)}`);
  const { address, port } = backend;
  const family = isIP(address);
  if (family === 0 || !isPort(port)) {
    throw refused(listener, `a route leads to '${address}' port ${port}; expected an address and a port`);
  }
  return `${family === 6 ? 'ipv6' : 'ipv4'}@${address}:${port}`;
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

/** Longest path of a unix socket (unix(7)), its final NUL not counted. */
const longestSocketPath = 107;

/** HAProxy expands `$` in addresses, however they are quoted, and knows no way to write it. */
function checkedPath(path: string, listener: ProxyListener | null = null): string {
  if (!/^\/[^\p{Cc}$]*$/u.test(path)) {
    throw refused(
      listener,
      `found the path ${JSON.stringify(path)}; expected an absolute one without $ and controls`,
    );
  }
  if (Buffer.byteLength(path) > longestSocketPath) {
    throw refused(listener, `the path ${path} is longer than ${longestSocketPath} bytes`);
  }
  return path;
}

/** One word, whatever is in it (configuration.txt, 2.2). */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function refused(listener: ProxyListener | null, message: string): ProxyError {
  const what =
    listener === null ? 'HAProxy can not be configured' : `listener '${listener.name}' can't be had`;
  const about = listener === null ? {} : { listener: listener.name };
  return new ProxyError('ProxyConfigurationRefused', `${what}: ${message}`, about);
}
