import type { Backend, ListenerCarrier, ListenerSpec, RouteSpec } from '../../state/resource.ts';
import type { Forward, ForwardBridge } from '../linux/port-forwarding.ts';
import type { ProviderSocket } from '../linux/provider-sockets.ts';
import type { Proxy as HostProxy, ProxyBackend, ProxyListener } from '../proxy/proxy.ts';

/** What a host has to carry connections with. */
export interface Hands {
  /** The kernel's packet filter forwards (ING-9). */
  readonly kernel: boolean;
  /** The host has IPv6. */
  readonly ipv6: boolean;
  readonly proxy: HostProxy['name'];
  /** Where a container's socket is reached. */
  readonly pathOf: (socket: ProviderSocket) => string;
  /** What is carried to in the place of what a spec says, where something else answers for its providers; absent: to what it says. */
  readonly standIn?: (spec: ListenerSpec) => ListenerSpec;
}

/** Who carries what of one listener. */
export interface Carriage {
  readonly forwards: readonly Forward[];
  /** Bridges that the forwards lead to. */
  readonly bridges: readonly ForwardBridge[];
  /** Null: nothing of it is the proxy's. */
  readonly proxied: ProxyListener | null;
  /** Sockets that the proxy connects to. */
  readonly sockets: readonly ProviderSocket[];
  /** One for each address of the listener that this host can have. */
  readonly carriers: readonly ListenerCarrier[];
  readonly warnings: readonly string[];
}

const isIpv6 = (address: string): boolean => address.includes(':');

/** A backend that the kernel leads to: an address behind a bridge. */
type Forwarded = Extract<Backend, { readonly type: 'address' }> & {
  readonly link: NonNullable<Extract<Backend, { readonly type: 'address' }>['link']>;
};

/**
 * As near to the kernel as a listener allows: bytes that come in at an IPv4 address and go to a container behind a bridge are the
 * kernel's; all else is the proxy's: http, sockets, IPv6 (there are no pools with it), containers in the host's network.
 */
export function carriageOf(name: string, declared: ListenerSpec, hands: Hands): Carriage {
  const spec = hands.standIn?.(declared) ?? declared;
  const addresses = spec.addresses.filter((address) => hands.ipv6 || !isIpv6(address));
  const target = hands.kernel ? forwardedBackend(spec) : null;
  const byKernel = (address: string): boolean => target !== null && !isIpv6(address);
  const proxiedAddresses = addresses.filter((address) => !byKernel(address));
  const rule = spec.routes[0]?.rule ?? name;
  const forwards = addresses
    .filter(byKernel)
    .flatMap((address) =>
      target === null
        ? []
        : [{ rule, address, port: spec.port, toAddress: target.address, toPort: target.port }],
    );
  return {
    forwards,
    bridges: target === null || forwards.length === 0 ? [] : [target.link],
    proxied: proxiedAddresses.length === 0 ? null : proxiedPart(name, spec, proxiedAddresses, hands),
    sockets: proxiedAddresses.length === 0 ? [] : socketsOf(spec),
    carriers: addresses.map((address) => (byKernel(address) ? 'kernel' : hands.proxy)),
    warnings: warningsOf(spec, addresses, hands),
  };
}

function forwardedBackend({ type, routes }: ListenerSpec): Forwarded | null {
  const backend = routes[0]?.backend;
  if (type !== 'tcp' || backend?.type !== 'address' || backend.link === null) return null;
  return { ...backend, link: backend.link };
}

function proxiedPart(
  name: string,
  { type, port, routes }: ListenerSpec,
  addresses: readonly string[],
  hands: Hands,
): ProxyListener {
  const proxied = routes.map(({ rule, host, path, keepPrefix, backend }) => ({
    rule,
    host,
    path,
    keepPrefix,
    backend: backend === null ? null : proxyBackend(backend, hands),
  }));
  return { name, type, addresses, port, routes: proxied };
}

function proxyBackend(backend: Backend, { pathOf }: Hands): ProxyBackend {
  if (backend.type === 'socket') return { type: 'socket', path: pathOf(backend) };
  const { address, port } = backend;
  return { type: 'address', address, port };
}

/** Sockets of containers that a listener leads to. */
export function socketsOf({ routes }: Pick<ListenerSpec, 'routes'>): readonly ProviderSocket[] {
  return routes.flatMap(({ backend }: RouteSpec) => {
    if (backend?.type !== 'socket') return [];
    const { container, socket } = backend;
    return [{ container, socket }];
  });
}

function warningsOf(spec: ListenerSpec, addresses: readonly string[], { kernel }: Hands): readonly string[] {
  const lost = spec.addresses.filter((address) => !addresses.includes(address));
  return [
    ...(lost.length > 0 && addresses.length > 0
      ? [
          `this host has no IPv6: nothing listens at ${lost.map((address) => `[${address}]:${spec.port}`).join(', ')}`,
        ]
      : []),
    ...(!kernel && forwardedBackend(spec) !== null
      ? [
          'nft does not work on this host: connections are relayed, and providers do not see the addresses of clients',
        ]
      : []),
  ];
}
