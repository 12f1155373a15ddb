import { closeSync } from 'node:fs';
import type { ContainerHandle } from './container-handle.ts';
import { type OpenInRoot, openInRoot } from './open-in-root.ts';
import { RootMemory } from './root-memory.ts';
import type { SystemCalls } from './system-calls.ts';

export interface ContainerViewOptions {
  readonly calls: Pick<SystemCalls, 'readlinkat'>;
  readonly handle: ContainerHandle;
}

export interface OpenInView extends Pick<OpenInRoot, 'path'> {
  /** See OpenInRoot. Absent: nobody wants to know. */
  readonly passing?: OpenInRoot['passing'];
  readonly reading?: OpenInRoot['reading'];
}

/**
 * A container as it is during one turn: its root and its mount namespace are opened once, and what several paths have in common is walked once. For
 * work that nothing comes in between of: what the container changes meanwhile is not seen. `close` is for who made it.
 */
export class ContainerView {
  readonly #options: ContainerViewOptions;
  #root: number | null = null;
  #memory: RootMemory | null = null;
  #namespace: number | null = null;

  constructor(options: ContainerViewOptions) {
    this.#options = options;
  }

  /** Opens a place of its root (O_PATH), to be closed by who asked. Throws NoContainer, and what openInRoot does. */
  open({ path, passing = () => undefined, reading = () => undefined }: OpenInView): number {
    const { calls, handle } = this.#options;
    this.#root ??= handle.openRoot();
    this.#memory ??= new RootMemory(this.#root);
    const mounts = (limitBytes: number) => handle.mountList(limitBytes);
    return openInRoot({ calls, root: this.#root, memory: this.#memory, path, mounts, passing, reading });
  }

  /** Open on its mount namespace, until `close`. Throws NoContainer. */
  get namespace(): number {
    this.#namespace ??= this.#options.handle.openMountNamespace();
    return this.#namespace;
  }

  close(): void {
    this.#memory?.close();
    for (const descriptor of [this.#root, this.#namespace]) if (descriptor !== null) closeSync(descriptor);
    this.#root = this.#memory = this.#namespace = null;
  }
}
