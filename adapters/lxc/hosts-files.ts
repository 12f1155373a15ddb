import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../../state/json.ts';
import type { ContainerSpec, LeaseSpec } from '../../state/resource.ts';
import { hostsFile } from './hosts-file.ts';
import type { Layout } from './layout.ts';
import { entriesOf } from './storage.ts';

/** The pools that a container is in, sorted; null where it gets no hosts file of ours: it is in none, or brings its own. */
export function namedPools(spec: ContainerSpec): readonly string[] | null {
  if (spec.network.mode !== 'pool' || spec.network.interfaces.length === 0) return null;
  if (spec.files.some((file) => file.path === 'etc/hosts')) return null;
  return [...new Set(spec.network.interfaces.map((face) => face.pool))].sort();
}

const fileName = (pools: readonly string[]): string => digestOf(pools).slice(0, 16);

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Writes in place: containers have this very inode mounted. One write of the whole, then the rest is cut off, so that no reader finds it
 * empty; the name of what goes away may be seen with what takes its place for that moment.
 */
async function overwrite(path: string, content: string): Promise<void> {
  const bytes = Buffer.from(content);
  const file = await open(path, 'r+');
  try {
    await file.write(bytes, 0, bytes.length, 0);
    await file.truncate(bytes.length);
  } finally {
    await file.close();
  }
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
  #next: Promise<void> | null = null;
  /** The end of the pass that is under way, however it ends. */
  #tail: Promise<void> = Promise.resolve();

  constructor(layout: Layout, source: HostsSource) {
    this.#directory = layout.hosts;
    this.#source = source;
  }

  /** The file for a container with this spec, which `refresh` makes; null where it gets none. */
  pathFor(spec: ContainerSpec): string | null {
    const pools = namedPools(spec);
    return pools === null ? null : join(this.#directory, fileName(pools));
  }

  /**
   * Makes every file say what the source says; files that no container needs any more go. Passes follow each other, and all calls
   * that come while one is under way share the next.
   */
  refresh(): Promise<void> {
    if (this.#next !== null) return this.#next;
    const pass = this.#tail.then(() => {
      this.#next = null;
      return this.#write();
    });
    this.#next = pass;
    this.#tail = pass.catch(() => undefined);
    return pass;
  }

  async #write(): Promise<void> {
    const wanted = new Map<string, ReadonlySet<string>>();
    for (const spec of this.#source.containers()) {
      const pools = namedPools(spec);
      if (pools !== null) wanted.set(fileName(pools), new Set(pools));
    }
    const leases = [...this.#source.leases()];
    await mkdir(this.#directory, { recursive: true });
    for (const [name, pools] of wanted)
      await this.#writeOne(join(this.#directory, name), hostsFile(pools, leases));
    for (const name of await entriesOf(this.#directory)) {
      if (!wanted.has(name)) await rm(join(this.#directory, name), { force: true });
    }
  }

  async #writeOne(path: string, content: string): Promise<void> {
    const present = await readIfThere(path);
    if (present === content) return;
    if (present === null) await (await open(path, 'a', 0o644)).close();
    await overwrite(path, content);
  }
}
