import type { DesiredResource, Key } from '../state/resource.ts';
import { SetIndex } from './set-index.ts';

/**
 * Desired links by the containers that they join: however a link stands, it depends on what becomes of these. A link that is desired no
 * more takes no room, and is not looked at again for them.
 */
export class DesiredLinks {
  readonly #at = new SetIndex<Key, Key>();
  readonly #ends = new Map<Key, readonly Key[]>();

  /** What is desired of `link` now. */
  refresh(link: Key, desired: DesiredResource | undefined): void {
    for (const container of this.#ends.get(link) ?? []) this.#at.delete(container, link);
    this.#ends.delete(link);
    if (desired === undefined) return;
    this.#ends.set(link, desired.dependsOn);
    for (const container of desired.dependsOn) this.#at.add(container, link);
  }

  /** Links that have this container as an end. Live: not to be kept. */
  at(container: Key): Iterable<Key> {
    return this.#at.get(container);
  }
}
