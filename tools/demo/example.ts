import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { makeBusyboxRoot } from '../../test/lab/busybox-root.ts';
import { capture } from '../command.ts';

/** `npm run example -- DIRECTORY`: copies examples/two-containers there and makes the roots that it names from busybox. */

const examples = join(import.meta.dirname, '../../examples');

/** The change of the example that the demo applies second. */
export const secondRevision = join(examples, 'two-containers-second.json');

/** Where the roots of the example come from: busybox and mksquashfs, or nowhere, for a host that mounts nothing. */
export type RootSource = 'busybox' | 'placeholder';

/** A squashfs image at `path` with busybox in it, packed without times, so that the same busybox gives the same image. */
async function makeBusyboxImage(path: string): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'example-root-'));
  try {
    const root = await makeBusyboxRoot(join(directory, 'root'));
    const quiet = ['-noappend', '-no-progress', '-quiet', '-all-root', '-all-time', '0', '-mkfs-time', '0'];
    const { code } = await capture({ program: 'mksquashfs', arguments: [root, path, ...quiet] });
    if (code !== 0) throw new Error(`mksquashfs ended with ${code}; is squashfs-tools installed?`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
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
