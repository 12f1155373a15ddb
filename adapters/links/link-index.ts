import type { Key } from '../../state/resource.ts';
import type { ProviderSocket } from '../linux/provider-sockets.ts';

/** Which links lead to what of which provider. One that is being changed leads to what it was and to what it is to be. */
export class LinkIndex {
  readonly #links = new Map<string, Set<Key>>();
  readonly #sources = new Map<Key, Map<string, ProviderSocket>>();

  add(link: Key, source: ProviderSocket): void {
    const name = nameOf(source);
    this.#links.set(name, (this.#links.get(name) ?? new Set()).add(link));
    this.#sources.set(link, (this.#sources.get(link) ?? new Map()).set(name, source));
  }

  /** The link leads there alone from now on, or nowhere (null). Returns what no link leads to any more. */
  settle(link: Key, source: ProviderSocket | null): readonly ProviderSocket[] {
    const kept = source === null ? null : nameOf(source);
    const sources = this.#sources.get(link) ?? new Map<string, ProviderSocket>();
    const left = [...sources].filter(([name]) => name !== kept);
    for (const [name] of left) sources.delete(name);
    if (sources.size === 0) this.#sources.delete(link);
    return left.filter(([name]) => this.#isLast(name, link)).map(([, former]) => former);
  }

  leads(link: Key, source: ProviderSocket): boolean {
    return this.#sources.get(link)?.has(nameOf(source)) === true;
  }

  of(source: ProviderSocket): readonly Key[] {
    return [...(this.#links.get(nameOf(source)) ?? [])];
  }

  #isLast(name: string, link: Key): boolean {
    const links = this.#links.get(name);
    links?.delete(link);
    return links !== undefined && links.size === 0 && this.#links.delete(name);
  }
}

function nameOf({ container, socket, type = 'socket' }: ProviderSocket): string {
  return `${container} ${type} ${socket}`;
}
