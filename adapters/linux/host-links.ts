import type { Commands } from './command.ts';

/** Links, addresses and routes of the host, read at one moment by one `ip`. IPv4 only. */
export interface HostLinks {
  readonly links: ReadonlyMap<string, HostLink>;
  readonly routes: readonly HostRoute[];
}

export interface HostLink {
  readonly index: number;
  readonly name: string;
  /** `bridge`, `veth`, `macvlan`, …; null for links without a kind: physical ones and `lo`. */
  readonly kind: string | null;
  /** Administratively up. */
  readonly up: boolean;
  readonly mac: string;
  readonly alias: string | null;
  /** Name of the bridge that it is attached to. */
  readonly master: string | null;
  /** IPv4, with prefix: `10.0.5.1/24`. */
  readonly addresses: readonly string[];
}

/** A route to a part of the address space. Default routes, and those to local and broadcast addresses, are left out. */
export interface HostRoute {
  /** CIDR. */
  readonly destination: string;
  /** Empty for routes without a device, such as blackholes. */
  readonly devices: readonly string[];
}

interface AddressJson {
  readonly family: string;
  readonly local?: string;
  readonly prefixlen: number;
}

interface LinkJson {
  readonly ifindex: number;
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly address?: string;
  readonly ifalias?: string;
  readonly master?: string;
  readonly linkinfo?: { readonly info_kind?: string };
  readonly addr_info?: readonly AddressJson[];
}

interface RouteJson {
  readonly type?: string;
  readonly dst: string;
  readonly dev?: string;
  readonly nexthops?: readonly { readonly dev?: string }[];
}

const readArguments = ['ip', '-json', '-details', '-batch', '-'] as const;
const readCommands = 'address show\nroute show table all\n';
const routedTypes = new Set(['unicast', 'blackhole', 'unreachable', 'prohibit', 'throw']);
const ipv4Pattern = /^\d+\.\d+\.\d+\.\d+(\/\d+)?$/;

/** Reads the host's links and routes with one process. Rejects with a CommandError. */
export async function readHostLinks(commands: Commands): Promise<HostLinks> {
  const { stdout } = await commands.run(readArguments, { input: readCommands });
  return parseHostLinks(stdout);
}

/** What `ip -json -batch` answers: one JSON array a line, links first. Empty objects stand where a filter hid a link. */
export function parseHostLinks(stdout: string): HostLinks {
  const [links = [], routes = []] = stdout
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as readonly unknown[]);
  return {
    links: new Map(
      (links as Partial<LinkJson>[])
        .filter(isLink)
        .map(linkOf)
        .map((link) => [link.name, link]),
    ),
    routes: (routes as RouteJson[]).filter(isPartial).map(routeOf),
  };
}

function isLink(json: Partial<LinkJson>): json is LinkJson {
  return json.ifname !== undefined;
}

function linkOf(json: LinkJson): HostLink {
  return {
    index: json.ifindex,
    name: json.ifname,
    kind: json.linkinfo?.info_kind ?? null,
    up: json.flags.includes('UP'),
    mac: json.address ?? '',
    alias: json.ifalias ?? null,
    master: json.master ?? null,
    addresses: (json.addr_info ?? [])
      .filter((address) => address.family === 'inet')
      .map((address) => `${address.local}/${address.prefixlen}`),
  };
}

/** VPNs split the default route into two halves (`0.0.0.0/1`, `128.0.0.0/1`): these claim no addresses either. */
function isPartial(route: RouteJson): boolean {
  return (
    routedTypes.has(route.type ?? 'unicast') &&
    ipv4Pattern.test(route.dst) &&
    !route.dst.endsWith('/0') &&
    !route.dst.endsWith('/1')
  );
}

function routeOf(route: RouteJson): HostRoute {
  const hops = (route.nexthops ?? []).map((hop) => hop.dev);
  return {
    destination: route.dst.includes('/') ? route.dst : `${route.dst}/32`,
    devices: [route.dev, ...hops].filter((device) => device !== undefined),
  };
}
