import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readIfThere } from '../../linux/read-if-there.ts';
import { writeAtomically } from '../../linux/write-atomically.ts';
import type { Configuration, ServedSource } from './configuration.ts';
import { routeFile } from './route-map.ts';
import { trailerFilter } from './trailer-rules.ts';

/**
 * Files of one HAProxy. What it was given to serve has its digest in its name, and is there before a process serves it: whatever
 * digest a process says, what that is can be told, also where a controller was killed in between.
 */
export class ConfigurationFiles {
  readonly directory: string;
  /** What the process is told to read. */
  readonly configuration: string;
  /** Its routes, which it reads along with that; by this path they are also known to it. */
  readonly routes: string;
  /** A filter, which it loads where it needs it. */
  readonly filter: string;
  /** What was last read or written: most is asked for more than once. */
  #last: { readonly digest: string; readonly source: ServedSource } | null = null;

  constructor(directory: string) {
    this.directory = directory;
    this.configuration = join(directory, 'haproxy.cfg');
    this.routes = join(directory, 'routes');
    this.filter = join(directory, 'no-trailers.lua');
  }

  /** False where nothing was ever put here, or all was removed. */
  exist(): boolean {
    return existsSync(this.directory);
  }

  #listeners(digest: string): string {
    return join(this.directory, `listeners-${digest.slice(0, 16)}`);
  }

  /** Has `sourceOf` tell what this is for. */
  announce({ digest, source, json }: Configuration): void {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    replace(this.#listeners(digest), json);
    this.#last = { digest, source };
  }

  /**
   * Announces a configuration and puts it in place; returns what puts the one before back. Processes say that it comes in the place of `former`,
   * by their digests, until it is written without them.
   */
  write(configuration: Configuration, former: readonly string[] = []): () => void {
    this.announce(configuration);
    const { digest, text, routes, source } = configuration;
    if (source.slots.made.length > 0) replace(this.filter, trailerFilter);
    const undo = [
      replace(this.routes, routeFile([...former, digest], routes)),
      replace(this.configuration, text),
    ];
    return () => {
      for (const one of undo) one();
    };
  }

  /** What a process serves that says this digest; null: it is none of ours, or somebody has deleted the file. */
  sourceOf(digest: string): ServedSource | null {
    const path = this.#listeners(digest);
    if (this.#last?.digest === digest && existsSync(path)) return this.#last.source;
    const text = readIfThere(path);
    if (text === null) return null;
    this.#last = { digest, source: JSON.parse(text) as ServedSource };
    return this.#last.source;
  }

  /** Removes what is left of everything that was served but these. */
  keepOnly(digests: readonly string[]): void {
    const kept = digests.map((digest) => this.#listeners(digest));
    for (const path of this.#all()) {
      if (/\/listeners-[^/]*$|\.new$/.test(path) && !kept.includes(path)) rmSync(path, { force: true });
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

/** Returns what puts back the content of before. What is there already is not written again. */
function replace(path: string, content: string): () => void {
  const before = readIfThere(path);
  if (before === content) return () => undefined;
  // What replaces a file is written out at once by ext4 (ext4(5), auto_da_alloc), which takes milliseconds. Nobody reads while we write.
  rmSync(path, { force: true });
  writeAtomically(path, content, 0o600);
  return () => {
    if (before !== null) writeAtomically(path, before, 0o600);
  };
}
