import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Subject } from 'rxjs';
import type { ProviderSight, ProviderSocket, ProviderSockets } from '../linux/provider-sockets.ts';
import { type Echo, startEcho } from './serve-echo.ts';

/** Bytes that a path of a unix socket may have, its end not counted (unix(7)). */
const longestSocketPath = 107;

/**
 * Sockets of containers that are only modelled: an echo server for each that is kept and whose container runs, at a path that stays the
 * same. They live in this process: unlike a proxy, none outlives the controller.
 */
export class EchoSockets implements ProviderSockets {
  readonly changed = new Subject<ProviderSocket>();
  readonly #directory: string;
  readonly #running = new Set<string>();
  readonly #echoes = new Map<string, Echo>();
  readonly #problems = new Map<string, string>();
  /** By their paths. */
  readonly #kept = new Map<string, ProviderSocket>();
  #prepared = false;
  #closed = false;
  /** What begins and ends servers happens one after the other. */
  #last: Promise<void> = Promise.resolve();

  /** `directory` is this instance's alone; made when the first server is. Throws a RangeError where it is too long for sockets. */
  constructor(directory: string) {
    this.#directory = directory;
    const bytes = Buffer.byteLength(this.pathOf({ container: '', socket: '' }));
    if (bytes <= longestSocketPath) return;
    const most = longestSocketPath - bytes + Buffer.byteLength(directory);
    throw new RangeError(
      `found ${directory} for unix sockets, expected a path of at most ${most} bytes; choose a shorter --root`,
    );
  }

  pathOf({ container, socket }: ProviderSocket): string {
    const identity = JSON.stringify([container, socket]);
    return join(this.#directory, createHash('sha256').update(identity).digest('hex').slice(0, 16));
  }

  keep(sockets: readonly ProviderSocket[]): Promise<void> {
    this.#kept.clear();
    return this.add(sockets);
  }

  add(sockets: readonly ProviderSocket[]): Promise<void> {
    for (const socket of sockets) this.#kept.set(this.pathOf(socket), socket);
    return this.#refresh();
  }

  drop(sockets: readonly ProviderSocket[]): Promise<void> {
    for (const socket of sockets) this.#kept.delete(this.pathOf(socket));
    return this.#refresh();
  }

  moved(container: string, pid: number | null): void {
    if (pid === null) this.#running.delete(container);
    else this.#running.add(container);
    void this.#refresh();
  }

  /** Resolves when everything said so far has been done. */
  settled(): Promise<void> {
    return this.#last;
  }

  problemOf(socket: ProviderSocket): string | null {
    return this.#problems.get(this.pathOf(socket)) ?? null;
  }

  sightOf(socket: ProviderSocket): ProviderSight | null {
    const path = this.pathOf(socket);
    if (!this.#kept.has(path)) return null;
    const found = this.#echoes.has(path) ? statSync(path, { throwIfNoEntry: false }) : undefined;
    if (found !== undefined) return { state: 'shown', device: found.dev, inode: found.ino, node: null };
    return { state: 'absent', why: this.problemOf(socket) ?? `container '${socket.container}' does not run` };
  }

  /** Ends all of them, open connections included. */
  close(): void {
    this.#closed = true;
    for (const echo of this.#echoes.values()) void echo.end();
    this.#echoes.clear();
    if (this.#prepared) rmSync(this.#directory, { recursive: true, force: true });
  }

  #refresh(): Promise<void> {
    this.#last = this.#last.then(() => this.#answer());
    return this.#last;
  }

  /** Has exactly those answer that are kept, and whose containers run. Never rejects: what can't be had has a problem. */
  async #answer(): Promise<void> {
    const wanted = new Map([...this.#kept].filter(([, { container }]) => this.#running.has(container)));
    for (const [path, echo] of this.#echoes) {
      if (wanted.has(path)) continue;
      this.#echoes.delete(path);
      await echo.end();
    }
    for (const [path, socket] of wanted) {
      if (!this.#closed && !this.#echoes.has(path)) await this.#begin(path, socket);
    }
  }

  async #begin(path: string, socket: ProviderSocket): Promise<void> {
    const problem = this.#problems.get(path);
    try {
      this.#prepare();
      this.#echoes.set(path, await startEcho(path, socket));
      this.#problems.delete(path);
    } catch (error) {
      this.#problems.set(path, `nothing answers for ${socket.container}: ${(error as Error).message}`);
    }
    if (problem !== this.#problems.get(path)) this.changed.next(socket);
  }

  /** Sockets that a controller left which was killed are nobody's. */
  #prepare(): void {
    if (this.#prepared) return;
    rmSync(this.#directory, { recursive: true, force: true });
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    this.#prepared = true;
  }
}
