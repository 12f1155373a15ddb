import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { makeBusyboxRoot } from '../../test/lab/busybox-root.ts';
import { copyProgram } from '../../test/lab/copy-program.ts';
import { capture } from '../command.ts';

/** `npm run example -- DIRECTORY`: copies examples/two-containers there and makes the roots that it names from busybox and curl. */

const examples = join(import.meta.dirname, '../../examples');

/** Changes of the example, as JSON patches. */
export const changes = {
  /** The client's hostname, and one pool more. */
  second: join(examples, 'two-containers-second.json'),
  /** The client wants the server's address. */
  conflict: join(examples, 'two-containers-conflict.json'),
  /** The server loses its LXC configuration, and runs its image's own init, which gives up after half a second. */
  failing: join(examples, 'two-containers-failing.json'),
} as const;

/** What a container of the example runs whose LXC configuration does not say what else to run. */
const idleInit = 'sleep 0.5\necho "init: found nothing to run; lxc.init.cmd says what it is" >&2\nexit 3';

/** Where the roots of the example come from: busybox and mksquashfs, or nowhere, for a host that mounts nothing. */
export type RootSource = 'busybox' | 'placeholder';

/** A squashfs image at `path` with busybox and curl in it, packed without times, so that the same programs give the same image. */
async function makeBusyboxImage(path: string): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'example-root-'));
  try {
    const root = await makeBusyboxRoot(join(directory, 'root'), idleInit);
    // The server says with it that it is ready; busybox does not speak to sockets.
    await copyProgram('/usr/bin/curl', root);
    const quiet = ['-noappend', '-no-progress', '-quiet', '-all-root', '-all-time', '0', '-mkfs-time', '0'];
    const { code } = await capture({ program: 'mksquashfs', arguments: [root, path, ...quiet] });
    if (code !== 0) throw new Error(`mksquashfs ended with ${code}; is squashfs-tools installed?`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Ports at which the example's rules of ingress listen. */
export interface ExamplePorts {
  readonly http: number;
  readonly tcp: number;
}

/** As they stand in the example. */
export const examplePorts: ExamplePorts = { http: 18_080, tcp: 18_081 };

/** Has a copy of the example listen at other ports. */
export function movePorts(target: string, { http, tcp }: ExamplePorts): void {
  const path = join(target, 'device.json');
  const device = readFileSync(path, 'utf8')
    .replace(`:${examplePorts.http}/`, `:${http}/`)
    .replace(`:${examplePorts.tcp}"`, `:${tcp}"`);
  writeFileSync(path, device);
}

/** Copies the example to `target`, which must not exist yet, and puts a root image beside each `run.json`. */
export async function makeExample(target: string, roots: RootSource): Promise<string> {
  if (existsSync(target)) throw new Error(`${target} is there already; give a directory that is not`);
  cpSync(join(examples, 'two-containers'), target, { recursive: true });
  const image = join(target, 'server/root.squashfs');
  if (roots === 'busybox') await makeBusyboxImage(image);
  else writeFileSync(image, 'a host in memory mounts nothing\n');
  cpSync(image, join(target, 'client/root.squashfs'));
  return target;
}

async function main(target: string | undefined): Promise<number> {
  if (target === undefined) {
    process.stderr.write('usage: npm run example -- DIRECTORY\n');
    return 64;
  }
  process.stdout.write(`${await makeExample(resolve(target), 'busybox')}\n`);
  return 0;
}

if (import.meta.main) process.exitCode = await main(process.argv[2]);
