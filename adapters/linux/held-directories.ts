import { closeSync, fstatSync } from 'node:fs';
import { mountIdOf } from './mount-info.ts';
import { linkOf, openBehind } from './open-path.ts';

/** A directory of a container that is held open, by whatever name it goes. There is one of these for each. */
export interface HeldDirectory {
  readonly descriptor: number;
  /** Of the mount that it was opened through (mount-info.ts). */
  readonly mount: number;
}

interface Holding {
  readonly directory: HeldDirectory;
  readonly key: string;
  users: number;
}

/** Directories of one container that are held, each open once, however many have it. They keep their file systems from being unmounted. */
export class HeldDirectories {
  readonly #byKey = new Map<string, Holding>();
  readonly #byDirectory = new Map<HeldDirectory, Holding>();

  /** One in each mount: while it is open, the mount's id is no other's. */
  get byMount(): ReadonlyMap<number, number> {
    return new Map([...this.#byDirectory.keys()].map(({ mount, descriptor }) => [mount, descriptor]));
  }

  /** `descriptor` is open on the directory and stays the caller's. What is returned stays open until it is released as often. */
  hold(descriptor: number): HeldDirectory {
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    const mount = mountIdOf(descriptor);
    const key = `${mount}:${dev}:${ino}`;
    const holding = this.#byKey.get(key) ?? this.#open(descriptor, mount, key);
    holding.users += 1;
    return holding.directory;
  }

  release(directory: HeldDirectory): void {
    const holding = this.#byDirectory.get(directory);
    if (holding === undefined || --holding.users > 0) return;
    this.#byKey.delete(holding.key);
    this.#byDirectory.delete(directory);
    closeSync(directory.descriptor);
  }

  close(): void {
    for (const { descriptor } of this.#byDirectory.keys()) closeSync(descriptor);
    this.#byKey.clear();
    this.#byDirectory.clear();
  }

  #open(descriptor: number, mount: number, key: string): Holding {
    const directory = { descriptor: openBehind(linkOf(descriptor)), mount };
    const holding = { directory, key, users: 0 };
    this.#byKey.set(key, holding);
    this.#byDirectory.set(directory, holding);
    return holding;
  }
}
