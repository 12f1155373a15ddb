import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Root directories and images for containers that do as a test wants, made of the host's static busybox. */

const directories = ['bin', 'sbin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'var', 'root', 'www'];
const applets =
  'sh cat cp echo env grep httpd id ip kill ls mkdir mkfifo mknod mount nc ping rm sleep stat sync test touch umount wget';

/** What the container's init does. */
export const inits = {
  /** Runs until it is killed; handles no signal. */
  sleep: 'exec sleep 2147483647',
  /** Runs until SIGTERM, and says so. */
  graceful: 'trap "echo stopping; exit 0" TERM\necho ready\nwhile :; do sleep 2147483647 & wait $!; done',
  /** Serves `/www` on port 8080. */
  httpd: 'echo "hello from $(cat /proc/sys/kernel/hostname)" >/www/index.html\nexec httpd -f -p 8080 -h /www',
  /** Ends at once with status 3, having complained. */
  failing: 'echo "no such device: /dev/nonsense" >&2\nexit 3',
} as const;

/**
 * Makes a root at `path`, which must not exist: static busybox and its links, `/etc/passwd`, and `/sbin/init`, a script of which `init` is the body.
 */
export async function makeBusyboxRoot(path: string, init: string = inits.sleep): Promise<string> {
  for (const directory of directories) await mkdir(join(path, directory), { recursive: true });
  await copyFile('/bin/busybox', join(path, 'bin/busybox'));
  await chmod(join(path, 'bin/busybox'), 0o755);
  for (const applet of applets.split(' ')) await symlink('busybox', join(path, 'bin', applet));
  await writeFile(
    join(path, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n',
  );
  await writeFile(join(path, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
  await writeFile(join(path, 'sbin/init'), `#!/bin/sh\n${init}\n`, { mode: 0o755 });
  return path;
}

/** Packs a root directory as a squashfs object `<objects>/<sha256>`; resolves to the sha256. */
export async function packObject(root: string, objects: string): Promise<string> {
  await mkdir(objects, { recursive: true });
  const aside = join(objects, `packing-${process.pid}`);
  await promisify(execFile)('mksquashfs', [root, aside, '-quiet', '-no-progress', '-noappend', '-all-root']);
  const sha256 = createHash('sha256')
    .update(await readFile(aside))
    .digest('hex');
  await rename(aside, join(objects, sha256));
  return sha256;
}
