import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { makeBusyboxRoot } from '../../test/lab/busybox-root.ts';
import { copyProgram } from '../../test/lab/copy-program.ts';
import { capture } from '../command.ts';

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

/** Programs of this machine that an example has in its roots beside busybox. curl says that a server is ready: busybox does not speak to sockets. */
const programs = {
  'two-containers': ['/usr/bin/curl'],
  'ingress-paths': ['/usr/bin/curl', '/usr/bin/openssl', '/usr/sbin/nginx'],
  'ingress-nginx': ['/usr/bin/curl', '/usr/sbin/nginx'],
} as const;

/** Name of an example: a directory of `examples/`. */
export type ExampleName = keyof typeof programs;

const isExampleName = (name: string): name is ExampleName => Object.hasOwn(programs, name);

/** As nginx' own image has it; servers are in files beside it. */
const nginxFiles = {
  'etc/nginx/nginx.conf':
    'user nobody nogroup;\nevents {}\nhttp { access_log off; include /etc/nginx/conf.d/*.conf; }\n',
  'etc/nginx/conf.d/default.conf': 'server { listen 80; }\n',
  // Names are those that the pool's other containers have.
  'etc/nsswitch.conf': 'hosts: files\n',
  'run/.keep': '',
  'var/lib/nginx/.keep': '',
} as const;

/** Where the roots of the example come from: busybox and mksquashfs, or nowhere, for a host that mounts nothing. */
export type RootSource = 'busybox' | 'placeholder';

async function addProgram(program: string, root: string): Promise<void> {
  await copyProgram(program, root);
  if (program !== '/usr/sbin/nginx') return;
  for (const [path, text] of Object.entries(nginxFiles)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

/** A squashfs image at `path` with busybox and these programs in it, packed without times, so that the same programs give the same image. */
async function makeBusyboxImage(path: string, added: readonly string[]): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'example-root-'));
  try {
    const root = await makeBusyboxRoot(join(directory, 'root'), idleInit);
    for (const program of added) await addProgram(program, root);
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
  if (roots === 'busybox') await makeBusyboxImage(first, programs[name]);
  else writeFileSync(first, 'a host in memory mounts nothing\n');
  for (const image of others) cpSync(first, image);
  return target;
}

async function main(target: string | undefined, name = 'two-containers'): Promise<number> {
  if (target === undefined || !isExampleName(name)) {
    const names = Object.keys(programs).join(' | ');
    process.stderr.write(`usage: npm run example -- DIRECTORY [${names}]\n`);
    return 64;
  }
  process.stdout.write(`${await makeExample(resolve(target), 'busybox', name)}\n`);
  return 0;
}

if (import.meta.main) process.exitCode = await main(process.argv[2], process.argv[3]);
