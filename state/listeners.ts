import { type IngressRule, listenText } from './ingress.ts';
import { inMatchingOrder } from './routes.ts';

/** Rules of ingress that share a port and an address, before their services are resolved (ING-3). */
export interface ListenerManifest {
  /** As `external` spells where it listens: `:80`, `10.0.0.1:80`, `[::1]:80`. */
  readonly name: string;
  readonly type: IngressRule['type'];
  /** See ListenerSpec. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** tcp: one; http: in matching order. Those that listen at every address are for this one, too. */
  readonly rules: readonly IngressRule[];
}

/** The listeners of a device. */
export interface DeviceListeners {
  /** By name, in the order of their first rules. */
  readonly byName: ReadonlyMap<string, ListenerManifest>;
  /** Container → names of the listeners with a rule that names it as provider. */
  readonly byProvider: ReadonlyMap<string, ReadonlySet<string>>;
}

export const noListeners: DeviceListeners = Object.freeze({ byName: new Map(), byProvider: new Map() });

/** What the rules of a device make, of which no two collide. */
export function listenersOf(rules: readonly IngressRule[]): DeviceListeners {
  if (rules.length === 0) return noListeners;
  const byName = new Map<string, ListenerManifest>();
  const byPort = Map.groupBy(rules, ({ listen }) => listen.port);
  for (const { listen } of rules) {
    const name = listenText(listen);
    const listener = byName.has(name) ? null : listenerAt(listen.host, byPort.get(listen.port) ?? []);
    if (listener !== null) byName.set(name, { name, port: listen.port, ...listener });
  }
  const byProvider = new Map<string, Set<string>>();
  for (const { name, rules: served } of byName.values()) {
    for (const { provider } of served)
      byProvider.set(provider, (byProvider.get(provider) ?? new Set()).add(name));
  }
  return { byName, byProvider };
}

/** What listens at `host`, of all rules of a port; null: others listen at each of its addresses. */
function listenerAt(
  host: string | null,
  ofPort: readonly IngressRule[],
): Pick<ListenerManifest, 'type' | 'addresses' | 'rules'> | null {
  const hosts = new Set(ofPort.map(({ listen }) => listen.host));
  const addresses = host === null ? ['0.0.0.0', '::'].filter((family) => !hosts.has(family)) : [host];
  const rules = ofPort.filter(({ listen }) => covers(listen.host, host));
  const [first] = rules;
  return first === undefined || addresses.length === 0
    ? null
    : { type: first.type, addresses, rules: inMatchingOrder(rules) };
}

/** A rule for `wide` is for everything that comes in at `narrow`. */
function covers(wide: string | null, narrow: string | null): boolean {
  if (wide === null || wide === narrow) return true;
  if (narrow === null) return false;
  return narrow.includes(':') ? wide === '::' : wide === '0.0.0.0';
}
