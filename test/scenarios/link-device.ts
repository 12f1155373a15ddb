import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ExecutionContext } from 'ava';
import type { ResourceItem } from '../../controller/api/contract.ts';
import type { FactsByKind } from '../../state/resource.ts';
import { addPart, type RootPart } from '../../tools/demo/example-roots.ts';
import { makeBusyboxRoot } from '../lab/busybox-root.ts';
import { Device } from './device.ts';
import { type HostState, hostChanges, hostState } from './host-state.ts';
import { container, type Part } from './states.ts';

/** What a container says of services. */
export interface Services {
  readonly provides?: readonly Part[];
  readonly requires?: readonly Part[];
  readonly optional?: readonly Part[];
  /** Its LXC configuration, as an object that the device has. */
  readonly configuration?: string;
  /** What else its `run.json` says. */
  readonly run?: Part;
}

/** Does nothing, until it is asked to end. */
export const idle = "trap 'exit 0' TERM\nsleep 2147483647 & wait $!";

/** Runs a service again and again, whoever kills it. */
export function supervised(command: string): string {
  return `trap 'exit 0' TERM\nmkdir -p /run/example\nwhile :; do ${command} & wait $!; done`;
}

/** Where the provider's socket is, and where its consumer finds it unless told: as in the examples. */
export const rawSocket = '/run/example/raw.sock';
export const rawTarget = '/run/pv/services/raw.sock';
export const raw: Part = { name: 'raw', type: 'unix', socket: rawSocket };
export const needsRaw: Part = { name: 'raw', target: rawTarget };

/** Says again what it is told, at the provider's socket, each time at one that is made anew. */
export const echoes = supervised(`socat UNIX-LISTEN:${rawSocket},fork,mode=0666,unlink-early EXEC:cat`);

/** A device whose containers have these parts in their roots beside busybox. */
export class LinkDevice {
  readonly made: Device;
  readonly #base: string;

  private constructor(made: Device, base: string) {
    this.made = made;
    this.#base = base;
  }

  /** Taken down and away when the test ends. */
  static async make(t: ExecutionContext, ...parts: readonly RootPart[]): Promise<LinkDevice> {
    const made = await Device.make('lxc');
    t.teardown(() => made.destroy());
    const base = await makeBusyboxRoot(join(made.directory, 'base'));
    for (const part of parts) await addPart(part, base);
    return new LinkDevice(made, base);
  }

  /** The directory that all roots are copies of. */
  get base(): string {
    return this.#base;
  }

  /** A container, of which `init` is the first process. One call for each name: it makes a root, of hard links but for the init. */
  async container(name: string, init: string, services: Services = {}): Promise<Part> {
    const directory = join(this.made.directory, `root-of-${name}`);
    const copied = await this.made.run('cp', '-al', this.#base, directory);
    if (copied.code !== 0) throw new Error(copied.stderr);
    await rm(join(directory, 'sbin/init'));
    await writeFile(join(directory, 'sbin/init'), `#!/bin/sh\n${init}\n`, { mode: 0o755 });
    return saying(container(name, { directory }), name, services);
  }

  /** Has the device keep a text as an object; resolves to its sha256. */
  async object(text: string): Promise<string> {
    const sha256 = createHash('sha256').update(text).digest('hex');
    const objects = join(this.made.root, 'objects');
    await mkdir(objects, { recursive: true });
    await writeFile(join(objects, sha256), text);
    return sha256;
  }

  /** The container's path as this host's root reaches it, while it runs as this process. */
  static inside(pid: number | undefined, path: string): string {
    return `/proc/${pid}/root${path}`;
  }
}

/** A container that says this of services, whatever it said before. */
export function saying(part: Part, name: string, services: Services): Part {
  const { provides = [], requires = [], optional = [], configuration, run = {} } = services;
  const manifest = part[`${name}/run.json`] as Part;
  const wanted = optional.length === 0 ? {} : { services: { optional } };
  const config = configuration === undefined ? {} : { config: 'lxc.container.conf' };
  return {
    ...part,
    ...(configuration === undefined ? {} : { [`${name}/lxc.container.conf`]: configuration }),
    [`${name}/run.json`]: { ...manifest, ...wanted, ...config, ...run },
    ...(provides.length === 0 ? {} : { [`${name}/services.json`]: provides }),
    ...(requires.length === 0 ? {} : { [`${name}/args.json`]: { PV_SERVICES_REQUIRED: requires } }),
  };
}

/** What the first links of a device make and all others use: a directory for their proxy, and a socket at which nobody listens. */
const madeOnce = ['+ files: /run/link-proxy'];

/** What there is more or less on the host than before, but for what is made once. */
export async function changesSince(made: Device, before: HostState): Promise<readonly string[]> {
  const changes = hostChanges(before, await hostState(made));
  return changes.filter((change) => !madeOnce.includes(change));
}

/** What was seen of a link; null: nothing yet. */
export function linkFacts(link: ResourceItem | undefined): FactsByKind['link'] | null {
  return (link?.observed as { readonly facts?: FactsByKind['link'] } | null | undefined)?.facts ?? null;
}

/**
 * Connects to a unix socket, says this, ends its own half, and resolves with all that comes back. Rejects with the error of connect(2), ENOENT where
 * nothing is there and ECONNREFUSED where nobody listens.
 */
export async function say(path: string, words: string): Promise<string> {
  const socket = connect({ path, allowHalfOpen: true });
  socket.end(words);
  return await text(socket);
}

/** As `say`, with the code of the error in place of an answer. */
export async function heard(path: string, words = 'hello'): Promise<string> {
  try {
    return await say(path, words);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return code;
  }
}
