import type { RuleTraffic, Traffic } from '../../adapters/adapter.ts';
import type { Key } from '../../state/resource.ts';
import type { RouteItem } from '../api/contract.ts';
import type { ControllerClient } from './client.ts';
import { CliFailure } from './failure.ts';
import { printable } from './render/text.ts';
import type { Terminal } from './terminal.ts';

/** Rules of ingress, and what they have carried, by their listeners. */
export class Ingress {
  readonly #routes: ReadonlyMap<Key, readonly RouteItem[]>;
  readonly #traffic: ReadonlyMap<Key, readonly RuleTraffic[]>;

  /** What carries what the kernel does not; null: nothing, or nobody knows. */
  readonly proxy: Traffic['proxy'];

  /** `traffic` null: nobody asked, or nobody can tell. */
  constructor(routes: readonly RouteItem[], traffic: Traffic | null) {
    this.#routes = Map.groupBy(routes, ({ listener }) => listener);
    this.#traffic = Map.groupBy(traffic?.rules ?? [], ({ listener }) => listener);
    this.proxy = traffic?.proxy ?? null;
  }

  /** In the order in which they are tried. */
  routesOf(listener: Key): readonly RouteItem[] {
    return this.#routes.get(listener) ?? [];
  }

  /** Of one rule; null: it is not known. */
  trafficOf(listener: Key, rule: string): RuleTraffic | null {
    return this.#traffic.get(listener)?.find((each) => each.rule === rule) ?? null;
  }

  /** Of all rules of a listener together; null: of none it is known. */
  sumOf(listener: Key): Pick<RuleTraffic, 'connections' | 'bytesIn' | 'bytesOut'> | null {
    const known = this.#traffic.get(listener) ?? [];
    if (known.length === 0) return null;
    return known.reduce(
      (sum, { connections, bytesIn, bytesOut }) => ({
        connections: sum.connections + connections,
        bytesIn: sum.bytesIn + bytesIn,
        bytesOut: sum.bytesOut + bytesOut,
      }),
      { connections: 0, bytesIn: 0, bytesOut: 0 },
    );
  }
}

/** No rule at all. */
export const noIngress = new Ingress([], null);

/** Every rule of the device. */
export async function routesNow(client: ControllerClient): Promise<readonly RouteItem[]> {
  return (await client.get<{ items: readonly RouteItem[] }>('/v1/routes')).items;
}

/** What each rule has carried; null where the controller cannot tell, and then the reason is said beside the data. */
export async function trafficNow(
  client: ControllerClient,
  terminal: Pick<Terminal, 'err'>,
): Promise<Traffic | null> {
  try {
    const { items, proxy } = await client.get<{ items: Traffic['rules']; proxy: Traffic['proxy'] }>(
      '/v1/traffic',
    );
    return { rules: items, proxy };
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    terminal.err(`what was carried is not known: ${printable(error.message)}\n`);
    return null;
  }
}
