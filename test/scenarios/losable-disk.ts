import { randomUUID } from 'node:crypto';
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Device } from './device.ts';

const bootIdFile = '/proc/sys/kernel/random/boot_id';

/** Enough for the database, records and the images of a few busybox roots. */
const diskBytes = 48 * 1024 * 1024;

/**
 * A device's root on a disk of its own, which can lose power. The disk is a file with ext4 in it, mounted by a loop device: what programs
 * write stays in the kernel until they have it synced (ext4's own timer, 5 s, is set to 10 minutes), and only what the kernel has
 * written out is in the file. So a copy of that file is what a power cut leaves, but for what a disk keeps in a cache of its own
 * although it was told to flush it.
 */
export class LosableDisk {
  readonly #made: Device;
  readonly #file: string;

  private constructor(made: Device) {
    this.#made = made;
    this.#file = join(made.directory, 'disk.img');
  }

  /** Makes the root of a device that has none yet. */
  static async make(made: Device): Promise<LosableDisk> {
    const disk = new LosableDisk(made);
    await writeFile(disk.#file, '');
    await truncate(disk.#file, diskBytes);
    await disk.#run('mkfs.ext4', '-q', '-F', '-m', '0', disk.#file);
    await mkdir(made.root);
    await disk.#mount();
    await chmod(made.root, 0o700);
    return disk;
  }

  /** Puts on the disk what is not there yet. */
  async sync(): Promise<void> {
    await this.#run('sync', '-f', this.#made.root);
  }

  /**
   * The power is cut, and comes back: no process of the device's is left, of the disk what was written out, of the network nothing. The
   * controller must have been killed before.
   */
  async losePower(): Promise<void> {
    await this.#killAll();
    const left = `${this.#file}.left`;
    await copyFile(this.#file, left);
    await this.unmount();
    await this.#emptyNetwork();
    await rename(left, this.#file);
    await this.#mount();
    await this.#boot();
  }

  /** Takes everything away that is mounted below the root, and the root. */
  async unmount(): Promise<void> {
    const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n');
    const points = mounts
      .map((line) => line.split(' ')[1] ?? '')
      .filter((point) => point === this.#made.root || point.startsWith(`${this.#made.root}/`));
    for (const point of points.reverse()) await this.#run('umount', '-l', point);
  }

  async #run(command: string, ...argv: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#made.run(command, ...argv);
    if (code !== 0) throw new Error(`${command} ${argv.join(' ')} ended with ${code}: ${stderr}`);
    return stdout;
  }

  async #mount(): Promise<void> {
    await this.#run('mount', '-o', 'loop,commit=600', this.#file, this.#made.root);
  }

  /** Monitors, inits, and what was being started: everything that names the root, and the children of it. */
  async #killAll(): Promise<void> {
    for (let pids = await this.#processes(); pids.length > 0; pids = await this.#processes()) {
      for (const pid of pids) await this.#made.run('kill', '-9', pid);
    }
  }

  async #processes(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const pid of await readdir('/proc')) {
      if (!/^\d+$/.test(pid)) continue;
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      if (!line.includes(`${this.#made.root}/`)) continue;
      const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
      found.push(pid, ...children.split(' ').filter((child) => child !== ''));
    }
    return found;
  }

  async #emptyNetwork(): Promise<void> {
    const links = JSON.parse(await this.#run('ip', '-j', 'link', 'show')) as readonly {
      readonly ifname: string;
    }[];
    const ours = links.map(({ ifname }) => ifname).filter((name) => /^(pvbr|hf)/.test(name));
    // The other end of a container's interface goes with its namespace, at a time of the kernel's own.
    for (const name of ours) await this.#made.run('ip', 'link', 'del', name);
    await this.#run('nft', 'flush', 'ruleset');
    await writeFile('/proc/sys/net/ipv4/ip_forward', '0');
  }

  /** From now on programs of this lab are told that the host has booted anew. */
  async #boot(): Promise<void> {
    const file = join(this.#made.directory, 'boot-id');
    await this.#made.run('umount', bootIdFile);
    await rm(file, { force: true });
    await writeFile(file, `${randomUUID()}\n`);
    await this.#run('mount', '--bind', file, bootIdFile);
  }
}
