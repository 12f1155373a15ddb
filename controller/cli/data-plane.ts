import type { LinkTraffic, RuleTraffic, Traffic } from '../../adapters/adapter.ts';
import type { Key } from '../../state/resource.ts';
import type { ResourceItem, RouteItem } from '../api/contract.ts';
import type { ControllerClient } from './client.ts';
import { CliFailure } from './failure.ts';
import { printable } from './render/text.ts';
import type { Terminal } from './terminal.ts';

/** What goes on between those who serve and those who are served: rules of ingress with what they have carried, by their listeners, and what goes over links. */
export class DataPlane {
  readonly #routes: ReadonlyMap<Key, readonly RouteItem[]>;
  readonly #traffic: ReadonlyMap<Key, readonly RuleTraffic[]>;
  readonly #links: ReadonlyMap<Key, LinkTraffic>;

  /** What carries of ingress what the kernel does not; null: nothing, or nobody knows. */
  readonly proxy: Traffic['proxy'];

  /** `traffic` null: nobody asked, or nobody can tell. */
  constructor(routes: readonly RouteItem[], traffic: Traffic | null) {
    this.#routes = Map.groupBy(routes, ({ listener }) => listener);
    this.#traffic = Map.groupBy(traffic?.rules ?? [], ({ listener }) => listener);
    this.#links = new Map((traffic?.links ?? []).map((each) => [each.link, each]));
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

  /** What goes over a link; null: nobody counts it, or it is not known. */
  linkTraffic(link: Key): LinkTraffic | null {
    return this.#links.get(link) ?? null;
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

/** Nothing goes on, or nobody asked. */
export const emptyPlane = new DataPlane([], null);

/** Something of it is on the data plane: what goes over it may be known. */
export function isCarried({ kind }: Pick<ResourceItem, 'kind'>): boolean {
  return kind === 'listener' || kind === 'link';
}

/** Every rule of the device. */
export async function routesNow(client: ControllerClient): Promise<readonly RouteItem[]> {
  return (await client.get<{ items: readonly RouteItem[] }>('/v1/routes')).items;
}

/** What goes over rules and links; null where the controller cannot tell, and then the reason is said beside the data. */
export async function trafficNow(
  client: ControllerClient,
  terminal: Pick<Terminal, 'err'>,
): Promise<Traffic | null> {
  try {
    const answer = await client.get<Omit<Traffic, 'rules'> & { readonly items: Traffic['rules'] }>(
      '/v1/traffic',
    );
    const { items, links, proxy } = answer;
    return { rules: items, links, proxy };
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    terminal.err(`what was carried is not known: ${printable(error.message)}\n`);
    return null;
  }
}
