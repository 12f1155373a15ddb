import { digestOf } from './json.ts';

/** What tells a bridge of Holdfast's own naming from others. */
const prefix = 'hf-';

/** IFNAMSIZ less its end: the longest name of an interface, in bytes. */
const longestInterfaceName = 15;

/** What choosing names needs of a pool. */
export interface BridgeChoice {
  readonly name: string;
  readonly type: 'bridge' | 'macvlan';
  /** Named in the document: taken, whatever is derived. Null: a name is to be derived. */
  readonly hostInterface: string | null;
}

/**
 * Pool → bridge, for pools of type bridge (POOL-2): the one that is named, else `hf-` and the pool's name, cut and with
 * a piece of its digest where it is too long. Unique, at most 15 bytes, no interface that any of the pools names, and the
 * same for the same pools whatever their order.
 */
export function chooseBridgeNames(pools: readonly BridgeChoice[]): ReadonlyMap<string, string> {
  const taken = new Set(pools.flatMap(({ hostInterface }) => hostInterface ?? []));
  const bridges = new Map<string, string>();
  const byName = [...pools].sort((one, other) => (one.name < other.name ? -1 : 1));
  for (const { name, type, hostInterface } of byName) {
    if (type !== 'bridge') continue;
    const bridge = hostInterface ?? derivedName(name, taken);
    taken.add(bridge);
    bridges.set(name, bridge);
  }
  return bridges;
}

function derivedName(pool: string, taken: ReadonlySet<string>): string {
  const whole = `${prefix}${pool}`;
  if (whole.length <= longestInterfaceName && !taken.has(whole)) return whole;
  for (let attempt = 0; ; attempt += 1) {
    const digest = digestOf([pool, attempt]).slice(0, 5);
    const start = pool.slice(0, longestInterfaceName - prefix.length - digest.length - 1);
    const name = `${prefix}${start}-${digest}`;
    if (!taken.has(name)) return name;
  }
}
