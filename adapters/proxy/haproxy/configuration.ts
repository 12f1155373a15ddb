import { hash } from 'node:crypto';
import { isIP } from 'node:net';
import { type ProxyBackend, ProxyError, type ProxyListener, type ProxyRoute } from '../proxy.ts';
import { listenerSection, routeSection } from './proxy-names.ts';
import { errorAnswers, requestRules, type Timeouts, timeoutLines } from './shared-rules.ts';

/** What HAProxy is given to read. */
export interface Configuration {
  /** Names all that it serves, and how: 64 hexadecimal digits. A process that runs says its own (`show info`, description). */
  readonly digest: string;
  readonly text: string;
  /** Content of the file `routes`: from listener, host and path to the section of a route. */
  readonly routes: string;
}

export interface ConfigurationSettings {
  /** Unix socket on which the process that serves takes commands. */
  readonly commandSocket: string;
  /** Where `routes` will be when the text is read, given the digest. */
  readonly routesFile: (digest: string) => string;
  readonly timeouts: Timeouts;
  /** Descriptors that the process may have at most; two for each connection. */
  readonly descriptorLimit: number;
}

/**
 * What HAProxy reads so that it serves exactly these (configuration.txt of HAProxy 2.6): a pure function. Rejects what its syntax can't carry with
 * a ProxyError, `ProxyConfigurationRefused`: all else is a number, an address, a hash or quoted.
 */
export function renderConfiguration(
  listeners: readonly ProxyListener[],
  settings: ConfigurationSettings,
): Configuration {
  const sections = listeners.flatMap((listener) => listenerLines(listener)).join('\n');
  const routes = routesOf(listeners);
  const shared = (digest: string) => sharedText(listeners, digest, settings);
  const digest = hash('sha256', JSON.stringify([shared(''), sections, routes]), 'hex');
  return { digest, text: `${shared(digest)}\n${sections}\n`, routes };
}

function sharedText(
  listeners: readonly ProxyListener[],
  digest: string,
  { commandSocket, routesFile, timeouts, descriptorLimit }: ConfigurationSettings,
): string {
  const all = listeners.flatMap(({ routes }) => routes);
  return [
    'global',
    `  description ${digest}`,
    `  stats socket ${quoted(`unix@${checkedPath(commandSocket)}`)} mode 600 level admin`,
    '  stats timeout 1h',
    `  fd-hard-limit ${descriptorLimit}`,
    // Its own HTTP client, which nothing here uses, would read every certificate of the system at each start: 80 ms.
    '  httpclient.ssl.verify none',
    'defaults tcp',
    ...timeoutLines('tcp', timeouts),
    'defaults http',
    ...timeoutLines('http', timeouts),
    ...errorAnswers(),
    'defaults listen from http',
    ...requestRules(quoted(checkedPath(routesFile(digest))), depthsOf(all)),
    ...strippedLengths(all).flatMap(stripLines),
  ].join('\n');
}

/** How many labels the wildcards have, the longest first: `*.a.example` has two. */
function depthsOf(routes: readonly ProxyRoute[]): readonly number[] {
  const depths = routes.filter(isWildcard).map((route) => suffixOf(route).split('.').length);
  return [...new Set(depths)].sort((one, other) => other - one);
}

function strippedLengths(routes: readonly ProxyRoute[]): readonly number[] {
  return [...new Set(routes.map(strippedLength).filter((length) => length > 0))];
}

function strippedLength({ path, keepPrefix }: ProxyRoute): number {
  return keepPrefix ? 0 : path.length;
}

/** Takes so many bytes off the path, and leaves `/` of nothing (ING-6). By their number: so nothing of the path has to be quoted. */
function stripLines(length: number): readonly string[] {
  return [
    `defaults strip${length} from http`,
    `  http-request replace-path ^.{${length}}$ /`,
    `  http-request replace-path ^.{${length}}(/.*)$ \\1`,
  ];
}

function listenerLines(listener: ProxyListener): readonly string[] {
  const binds = listener.addresses.map((address) => bindLine(address, listener));
  if (listener.type === 'http') {
    return [
      `frontend ${listenerSection(listener)} from listen`,
      ...binds,
      '  use_backend %[var(txn.route)]',
      ...listener.routes.flatMap((route) => [
        `backend ${routeSection(listener, route)} from ${strippedLength(route) > 0 ? `strip${strippedLength(route)}` : 'http'}`,
        ...serverLines(route.backend, listener),
      ]),
    ];
  }
  const [route, ...others] = listener.routes;
  if (route === undefined || others.length > 0 || route.backend === null) {
    throw refused(listener, `it has ${listener.routes.length} routes; expected one with a backend for tcp`);
  }
  return [
    `listen ${routeSection(listener, route)} from tcp`,
    ...binds,
    ...serverLines(route.backend, listener),
  ];
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

/** `<listener>:<host><path>/`, `<listener>*<suffix><path>/` or `<listener>:<path>/`, each with its section: see shared-rules.ts. */
function routesOf(listeners: readonly ProxyListener[]): string {
  const lines = listeners
    .filter(({ type }) => type === 'http')
    .flatMap((listener) =>
      listener.routes.map((route) => `${routeKey(listener, route)} ${routeSection(listener, route)}\n`),
    );
  return lines.join('');
}

/** The characters of a host and of a path of a rule (ING-2): nothing that ends a word of a map file. */
const hostPattern = /^[a-z0-9.-]+$/;
const pathPattern = /^(?:\/[!-~]+)?$/;

function routeKey(listener: ProxyListener, route: ProxyRoute): string {
  const { host, path } = route;
  if (!pathPattern.test(path)) throw refused(listener, `a route has the path ${JSON.stringify(path)}`);
  if (host !== null && !hostPattern.test(isWildcard(route) ? suffixOf(route) : host)) {
    throw refused(listener, `a route has the host ${JSON.stringify(host)}`);
  }
  const hostKey = isWildcard(route) ? `*${suffixOf(route)}` : `:${host ?? ''}`;
  return `${listenerSection(listener)}${hostKey}${path}/`;
}

function isWildcard({ host }: ProxyRoute): boolean {
  return host?.startsWith('*.') ?? false;
}

/** `a.example` of `*.a.example`. */
function suffixOf({ host }: ProxyRoute): string {
  return (host ?? '').slice(2);
}
