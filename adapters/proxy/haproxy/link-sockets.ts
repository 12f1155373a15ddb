import { rmSync, symlinkSync } from 'node:fs';
import { ProxyError } from '../proxy.ts';
import { ShownSockets } from '../shown-sockets.ts';
import { slotNames } from './configuration.ts';
import type { NamedLink } from './proxy-names.ts';

/** Files of the slots of one HAProxy: its sockets, shown where links want them, and what leads from each to a provider. */
export class LinkSockets {
  readonly directory: string;
  readonly #shown: ShownSockets;

  constructor(directory: string) {
    this.directory = directory;
    this.#shown = new ShownSockets(directory);
  }

  /** Rejects with a ProxyError where one of these can't be shown. */
  prepare(links: readonly NamedLink[]): void {
    if (links.length === 0) return;
    this.#shown.prepare();
    for (const { path, name } of links) this.#shown.requirePlace(path, name);
  }

  /** Has what comes to the slot go to the provider. */
  lead({ slot, backend }: NamedLink): void {
    const path = this.#shown.ownPath(slotNames(slot).provider);
    rmSync(path, { force: true });
    symlinkSync(backend.path, path);
  }

  /** Its client reaches it from now on. Rejects with a ProxyError, `ProxyFailed`. */
  show({ slot, path, name }: NamedLink): void {
    try {
      this.#shown.show(slotNames(slot).socket, path);
    } catch (error) {
      const message = `link '${name}' can't be had at ${path}: ${(error as Error).message}`;
      throw new ProxyError('ProxyFailed', message, { listener: name });
    }
  }

  /** Nobody who does not have it already reaches it any more, and it leads nowhere. */
  hide({ slot, path }: NamedLink): void {
    const { socket, provider } = slotNames(slot);
    rmSync(this.#shown.ownPath(provider), { force: true });
    this.#shown.hide(socket, path);
  }

  isShown({ slot, path }: Pick<NamedLink, 'slot' | 'path'>): boolean {
    return this.#shown.isShown(slotNames(slot).socket, path);
  }

  /** False: somebody has deleted it, so that it can't be shown again. */
  exists(slot: number): boolean {
    return this.#shown.exists(slotNames(slot).socket);
  }

  /** Some were made here. */
  areThere(): boolean {
    return this.#shown.areThere();
  }

  removeAll(): void {
    this.#shown.removeAll();
  }
}
