import type { Key } from '../../state/resource.ts';
import type { ResourceChange, ResourceItem, RouteChange, RouteItem } from '../api/contract.ts';
import type { ControllerClient } from './client.ts';
import { DataPlane, isCarried, trafficNow } from './data-plane.ts';
import { ResourceListing } from './render/resource-listing.ts';
import type { Terminal } from './terminal.ts';

/** How a listing is watched. */
export interface WatchOptions {
  readonly client: ControllerClient;
  readonly wide: boolean;
  readonly terminal: Terminal;
}

/** A listing on the terminal, and a row for each change of it: of the resources, and of the rules that are shown beside listeners. */
export class WatchedListing {
  readonly #options: WatchOptions;
  readonly #routes = new Map<Key, Map<string, RouteItem>>();
  readonly #listeners = new Map<Key, ResourceItem>();
  /** The row of each listener that was shown last: a rule may change without making a difference to it. */
  readonly #shown = new Map<Key, string>();
  #listing: ResourceListing;

  constructor(routes: readonly RouteItem[], options: WatchOptions) {
    this.#options = options;
    for (const item of routes) this.#keepRoute({ listener: item.listener, rule: item.rule, item });
    this.#listing = new ResourceListing([], { ...options, plane: new DataPlane([], null) });
  }

  /** Shows what a line of a stream says: all that is there, or what has changed. */
  async show(
    line: { readonly items: readonly ResourceItem[] } | ResourceChange | RouteChange,
  ): Promise<void> {
    if ('items' in line) await this.#begin(line.items);
    else if ('rule' in line) await this.#changeRoute(line);
    else await this.#change(line);
  }

  async #begin(items: readonly ResourceItem[]): Promise<void> {
    const listeners = items.filter(({ kind }) => kind === 'listener');
    const plane = await this.#plane(items.some(isCarried));
    this.#listing = new ResourceListing(items, { ...this.#options, plane });
    for (const item of listeners) {
      this.#listeners.set(item.key, item);
      this.#shown.set(item.key, this.#listing.change({ key: item.key, item }));
    }
    this.#options.terminal.out(this.#listing.text());
  }

  async #change(change: ResourceChange): Promise<void> {
    const { key, item } = change;
    const isListener = item?.kind === 'listener';
    const row = this.#listing.change(change, await this.#plane(item !== null && isCarried(item)));
    if (isListener) {
      this.#listeners.set(key, item);
      this.#shown.set(key, row);
    } else this.#listeners.delete(key);
    this.#options.terminal.out(row);
  }

  /** Shows the listener of a rule that has changed, where that makes a difference to it. */
  async #changeRoute(change: RouteChange): Promise<void> {
    this.#keepRoute(change);
    const item = this.#listeners.get(change.listener);
    if (item === undefined) return;
    const row = this.#listing.change({ key: item.key, item }, await this.#plane(true));
    if (row === this.#shown.get(item.key)) return;
    this.#shown.set(item.key, row);
    this.#options.terminal.out(row);
  }

  #keepRoute({ listener, rule, item }: RouteChange): void {
    const rules = this.#routes.get(listener) ?? new Map<string, RouteItem>();
    if (item === null) rules.delete(rule);
    else rules.set(rule, item);
    this.#routes.set(listener, rules);
  }

  /** As it is now; traffic is looked up where a wide row is to show it. */
  async #plane(shown: boolean): Promise<DataPlane> {
    const { client, wide, terminal } = this.#options;
    const routes = [...this.#routes.values()].flatMap((rules) => [...rules.values()]);
    return new DataPlane(routes, wide && shown ? await trafficNow(client, terminal) : null);
  }
}
