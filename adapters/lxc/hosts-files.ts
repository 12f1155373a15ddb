import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '../../state/json.ts';
import type { ContainerSpec, LeaseSpec } from '../../state/resource.ts';
import { entriesOf } from '../linux/entries-of.ts';
import { readIfThere } from '../linux/read-if-there.ts';
import { hostsFile } from './hosts-file.ts';
import type { Layout } from './layout.ts';

/** The pools that a container is in, sorted; null where it gets no hosts file of ours: it is in none, or brings its own. */
export function namedPools(spec: ContainerSpec): readonly string[] | null {
  if (spec.network.mode !== 'pool' || spec.network.interfaces.length === 0) return null;
  if (spec.files.some((file) => file.path === 'etc/hosts')) return null;
  return [...new Set(spec.network.interfaces.map((face) => face.pool))].sort();
}

const fileName = (pools: readonly string[]): string => digestOf(pools).slice(0, 16);

/**
 * Writes in place: containers have this very inode mounted. One write of the whole, then the rest is cut off, so that no reader finds it
 * empty; the name of what goes away may be seen with what takes its place for that moment.
 */
function overwrite(path: string, content: string): void {
  const bytes = Buffer.from(content);
  const file = openSync(path, 'r+');
  try {
    writeSync(file, bytes, 0, bytes.length, 0);
    ftruncateSync(file, bytes.length);
  } finally {
    closeSync(file);
  }
}

function writeOne(path: string, content: string): void {
  const present = readIfThere(path);
  if (present === content) return;
  if (present === null) closeSync(openSync(path, 'a', 0o644));
  overwrite(path, content);
}

/** What the hosts files are made from. */
export interface HostsSource {
  /** Leases that are held. */
  leases(): Iterable<LeaseSpec>;
  /** Containers that exist. */
  containers(): Iterable<ContainerSpec>;
}

/**
 * How containers of a pool find each other by name (CTR-5): one hosts file for each set of pools that some container is in, mounted
 * into each of these containers. It has the names of these pools and of no other.
 */
export class HostsFiles {
  readonly #directory: string;
  readonly #source: HostsSource;
  /** The pass that has not begun yet; whoever asks meanwhile joins it. */
  #pass: Promise<void> | null = null;

  constructor(layout: Layout, source: HostsSource) {
    this.#directory = layout.hosts;
    this.#source = source;
  }

  /**
   * The file for a container with this spec, made if need be; null where it gets none. One that is there says what the source says: every
   * change of leases is followed by a `refresh`.
   */
  fileFor(spec: ContainerSpec): string | null {
    const pools = namedPools(spec);
    if (pools === null) return null;
    const path = join(this.#directory, fileName(pools));
    if (!existsSync(path)) {
      mkdirSync(this.#directory, { recursive: true });
      writeOne(path, hostsFile(new Set(pools), this.#source.leases()));
    }
    return path;
  }

  /**
   * Makes every file say what the source says; files that no container needs any more go. All calls of one moment share a pass, which begins
   * after the last of them.
   */
  refresh(): Promise<void> {
    this.#pass ??= Promise.resolve().then(() => {
      this.#pass = null;
      this.#write();
    });
    return this.#pass;
  }

  #write(): void {
    const wanted = new Map<string, ReadonlySet<string>>();
    for (const spec of this.#source.containers()) {
      const pools = namedPools(spec);
      if (pools !== null) wanted.set(fileName(pools), new Set(pools));
    }
    const leases = [...this.#source.leases()];
    mkdirSync(this.#directory, { recursive: true });
    for (const [name, pools] of wanted) writeOne(join(this.#directory, name), hostsFile(pools, leases));
    for (const name of entriesOf(this.#directory)) {
      if (!wanted.has(name)) rmSync(join(this.#directory, name), { force: true });
    }
  }
}
