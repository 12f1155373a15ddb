import { parseAddress } from './address.ts';

/** Where a listener is reached. */
export interface ListenAddress {
  /** Dotted quad, or IPv6 address as RFC 5952 writes it; `0.0.0.0` and `::`: every address of the family; null: every address of the host. */
  readonly host: string | null;
  /** 1-65535. */
  readonly port: number;
}

/** One rule of `ingress[]` in device.json, read (ING-1). */
export interface IngressRule {
  readonly name: string;
  readonly type: 'tcp' | 'http';
  readonly listen: ListenAddress;
  /** http: what a path has to begin with, in whole segments and without a slash at the end; empty: every path. tcp: empty. */
  readonly path: string;
  /** http: the host name that it is for, in lower case, `*.example` for all below; null: every one. tcp: null. */
  readonly host: string | null;
  /** http: pass the prefix on to the provider. */
  readonly keepPrefix: boolean;
  /** Name of a container. */
  readonly provider: string;
  /** Name of a service in the provider's services.json. */
  readonly service: string;
  /** JSON pointer to the rule. */
  readonly pointer: string;
}

/** What the text of `external` says, or what is wrong with it. */
export type ExternalReading =
  | { readonly listen: ListenAddress; readonly path: string }
  | { readonly found: string; readonly expected: string };

const externalParts = /^(?<host>\[[^\]]*\]|[^:/[\]]*):(?<port>\d{1,10})(?<path>\/.*)?$/;

/** What may stand in a path prefix: the characters of a path (RFC 3986, 3.3) without escapes, which would have two spellings. */
const pathPattern = /^(?:\/[A-Za-z0-9._~!$&'()*+,;=:@-]+)+$/;

const externalExpected = 'an address and a port such as "0.0.0.0:80", ":80" or "[::1]:80"';

/** Reads `external` of a rule (ING-2): `IP:port`, `:port`, `[v6]:port`, and a path prefix behind it where `type` is http. */
export function readExternal(text: string, type: IngressRule['type']): ExternalReading {
  const parts = externalParts.exec(text)?.groups;
  if (parts === undefined) return { found: `${JSON.stringify(text)}`, expected: externalExpected };
  const host = readHost(parts.host ?? '');
  if (host === undefined) {
    return {
      found: `the address ${JSON.stringify(parts.host)}`,
      expected: 'an IPv4 address, an IPv6 address in brackets, or nothing for every address',
    };
  }
  const port = Number(parts.port);
  if (port < 1 || port > 65_535) return { found: `port ${parts.port}`, expected: 'a port from 1 to 65535' };
  const path = (parts.path ?? '').replace(/\/$/, '');
  if (path === '') return { listen: { host, port }, path };
  if (type === 'tcp')
    return { found: `the path ${JSON.stringify(path)}`, expected: 'no path, since bytes of tcp have none' };
  if (!pathPattern.test(path) || path.split('/').some((segment) => segment === '.' || segment === '..')) {
    return {
      found: `the path ${JSON.stringify(path)}`,
      expected: 'segments such as "/api/v1", without escapes, empty ones, "." and ".."',
    };
  }
  return { listen: { host, port }, path };
}

/** Null: every address; undefined: no address, or an IPv4 address in the clothes of IPv6, which nobody can listen at. */
function readHost(text: string): string | null | undefined {
  if (text === '') return null;
  if (!text.startsWith('[')) return parseAddress(text) === null ? undefined : text;
  // The parser of URLs knows every spelling of an address, and writes the one of RFC 5952; zones are no part of them.
  const url = `http://${text}/`;
  const address = URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : undefined;
  return address?.startsWith('::ffff:') ? undefined : address;
}

/** How `host` and `port` are written in `external`, and in the name of a listener: `:80`, `10.0.0.1:80`, `[::1]:80`. */
export function listenText({ host, port }: ListenAddress): string {
  if (host === null) return `:${port}`;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Null, `0.0.0.0` and `::` overlap every address (ING-3). */
const isWildcard = (host: string | null): boolean => host === null || host === '0.0.0.0' || host === '::';

/** What one host port is asked for by: rules of which no two may be for the same thing (ING-3). */
class HostPort {
  /** Address → the first rule of each type. */
  readonly #first = new Map<string | null, Map<IngressRule['type'], IngressRule>>();
  /** Host and path → address → rule. */
  readonly #routes = new Map<string, Map<string | null, IngressRule>>();

  /** The rule that has what `rule` asks for; null: nobody has, and `rule` has it now. */
  take(rule: IngressRule): IngressRule | null {
    const rival = this.#rivalOf(rule);
    if (rival !== null) return rival;
    const { listen, type } = rule;
    const byType = this.#first.get(listen.host) ?? new Map<IngressRule['type'], IngressRule>();
    this.#first.set(listen.host, byType);
    if (!byType.has(type)) byType.set(type, rule);
    if (type === 'http') {
      const route = this.#routes.get(routeOf(rule)) ?? new Map<string | null, IngressRule>();
      this.#routes.set(routeOf(rule), route.set(listen.host, rule));
    }
    return null;
  }

  #rivalOf(rule: IngressRule): IngressRule | null {
    for (const byType of overlapping(this.#first, rule.listen.host)) {
      const rival = byType.get('tcp') ?? (rule.type === 'tcp' ? byType.get('http') : undefined);
      if (rival !== undefined) return rival;
    }
    if (rule.type === 'tcp') return null;
    const [same] = overlapping(this.#routes.get(routeOf(rule)) ?? new Map(), rule.listen.host);
    return same ?? null;
  }
}

const routeOf = ({ host, path }: IngressRule): string => `${host ?? ''} ${path}`;

/** What is there for addresses that overlap with `host`. */
function overlapping<Value>(all: ReadonlyMap<string | null, Value>, host: string | null): readonly Value[] {
  if (isWildcard(host)) return [...all.values()];
  return [host, null, '0.0.0.0', '::'].map((key) => all.get(key)).filter((value) => value !== undefined);
}

/** Pairs of rules that can't both have what they ask for, the later one first (ING-3). */
export function collisions(
  rules: readonly IngressRule[],
): readonly (readonly [later: IngressRule, earlier: IngressRule])[] {
  const ports = new Map<number, HostPort>();
  const found: (readonly [IngressRule, IngressRule])[] = [];
  for (const rule of rules) {
    const port = ports.get(rule.listen.port) ?? new HostPort();
    ports.set(rule.listen.port, port);
    const rival = port.take(rule);
    if (rival !== null) found.push([rule, rival]);
  }
  return found;
}
