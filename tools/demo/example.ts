import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { makeBusyboxRoot } from '../../test/lab/busybox-root.ts';
import { capture } from '../command.ts';
import { addPart, type RootPart, rootParts } from './example-roots.ts';

/** `npm run example -- DIRECTORY [EXAMPLE]`: copies an example there, `two-containers` unless told, and makes the roots that it names. */

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

/** Name of an example: a directory of `examples/`. */
export type ExampleName = keyof typeof rootParts;

const isExampleName = (name: string): name is ExampleName => Object.hasOwn(rootParts, name);

/** Where the roots of the example come from: busybox and mksquashfs, or nowhere, for a host that mounts nothing. */
export type RootSource = 'busybox' | 'placeholder';

/** A squashfs image at `path` with busybox and these parts in it, packed without times, so that the same programs give the same image. */
async function makeBusyboxImage(path: string, parts: readonly RootPart[]): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'example-root-'));
  try {
    const root = await makeBusyboxRoot(join(directory, 'root'), idleInit);
    for (const part of parts) await addPart(part, root);
    const quiet = ['-noappend', '-no-progress', '-quiet', '-all-root', '-all-time', '0', '-mkfs-time', '0'];
    // A tenth larger than at gzip's best, in a tenth of the time.
    const fast = ['-comp', 'gzip', '-Xcompression-level', '1'];
    const { code } = await capture({ program: 'mksquashfs', arguments: [root, path, ...quiet, ...fast] });
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

/** Copies an example to `target`, which must not exist yet, and puts a root image beside each `run.json`. */
export async function makeExample(
  target: string,
  roots: RootSource,
  name: ExampleName = 'two-containers',
): Promise<string> {
  if (existsSync(target)) throw new Error(`${target} is there already; give a directory that is not`);
  cpSync(join(examples, name), target, { recursive: true });
  const [first = '', ...others] = globSync('*/run.json', { cwd: target })
    .sort()
    .map((manifest) => join(target, dirname(manifest), 'root.squashfs'));
  if (roots === 'busybox') await makeBusyboxImage(first, rootParts[name]);
  else writeFileSync(first, 'a host in memory mounts nothing\n');
  for (const image of others) cpSync(first, image);
  return target;
}

async function main(target: string | undefined, name = 'two-containers'): Promise<number> {
  if (target === undefined || !isExampleName(name)) {
    const names = Object.keys(rootParts).join(' | ');
    process.stderr.write(`usage: npm run example -- DIRECTORY [${names}]\n`);
    return 64;
  }
  process.stdout.write(`${await makeExample(resolve(target), 'busybox', name)}\n`);
  return 0;
}

if (import.meta.main) process.exitCode = await main(process.argv[2], process.argv[3]);
