import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readIfThere } from '../../linux/read-if-there.ts';
import { writeAtomically } from '../../linux/write-atomically.ts';
import type { ProxyListener } from '../proxy.ts';
import type { Configuration } from './configuration.ts';

/**
 * Files of one HAProxy. What belongs to one configuration has its digest in its name, and is there before a process reads it: whichever
 * configuration a process says that it serves, what that is can be told, also where a controller was killed in between.
 */
export class ConfigurationFiles {
  readonly directory: string;
  /** What the process is told to read. */
  readonly configuration: string;

  constructor(directory: string) {
    this.directory = directory;
    this.configuration = join(directory, 'haproxy.cfg');
  }

  /** False where nothing was ever put here, or all was removed. */
  exist(): boolean {
    return existsSync(this.directory);
  }

  routes(digest: string): string {
    return join(this.directory, `routes-${digest.slice(0, 16)}`);
  }

  #listeners(digest: string): string {
    return join(this.directory, `listeners-${digest.slice(0, 16)}`);
  }

  /** Puts a configuration in place; returns what puts the one before back. */
  write({ digest, text, routes }: Configuration, listeners: readonly ProxyListener[]): () => void {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    const before = readIfThere(this.configuration);
    writeAtomically(this.routes(digest), routes, 0o600);
    writeAtomically(this.#listeners(digest), JSON.stringify(listeners), 0o600);
    writeAtomically(this.configuration, text, 0o600);
    return () => {
      if (before !== null) writeAtomically(this.configuration, before, 0o600);
    };
  }

  /** What a configuration is for; null: it is none of ours, or somebody has deleted the file. */
  listenersOf(digest: string): readonly ProxyListener[] | null {
    const text = readIfThere(this.#listeners(digest));
    return text === null ? null : (JSON.parse(text) as readonly ProxyListener[]);
  }

  /** Removes what is left of every configuration but this one. */
  keepOnly(digest: string): void {
    const kept = [this.routes(digest), this.#listeners(digest)];
    for (const path of this.#all()) {
      if (/\/(routes|listeners)-[^/]*$|\.new$/.test(path) && !kept.includes(path))
        rmSync(path, { force: true });
    }
  }

  /** Removes the directory with all that is in it; the process has to be gone. */
  removeAll(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #all(): readonly string[] {
    return readdirSync(this.directory).map((entry) => join(this.directory, entry));
  }
}
