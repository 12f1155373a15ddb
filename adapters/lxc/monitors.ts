import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { type Observable, Subject } from 'rxjs';
import { killProcess } from '../linux/kill-process.ts';
import { readIfThere } from '../linux/read-if-there.ts';
import { isContainerName, type Layout } from './layout.ts';

/** FNV-1a, 64 bits, as liblxc computes it. */
function fnv1a64(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

/**
 * The abstract socket on which the monitor of a container takes commands (liblxc, `lxc_make_abstract_socket_name`): by its
 * path, or by a hash of it where that would be 106 bytes or more.
 */
export function commandSocket(lxcPath: string, name: string): string {
  const spelled = `${lxcPath}/${name}/command`;
  if (Buffer.byteLength(spelled) < 106) return `\0${spelled}`;
  return `\0lxc/${fnv1a64(`${lxcPath}/${name}`).toString(16).padStart(16, '0')}/command`;
}

/** Resolves to null where nobody listens. */
function connectTo(path: string): Promise<Socket | null> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET') resolve(null);
      else reject(error);
    });
  });
}

/** Every process that we can see, with its command line as the kernel gives it: words end in NUL. */
function* processes(): Iterable<{ readonly pid: number; readonly line: string }> {
  for (const entry of readdirSync('/proc')) {
    if (/^\d+$/.test(entry)) yield { pid: Number(entry), line: readIfThere(`/proc/${entry}/cmdline`) ?? '' };
  }
}

/** Not one of a container, which may call itself whatever it likes: monitors live among the processes of the host. */
function isOfHost(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`) === readlinkSync('/proc/self/ns/pid');
  } catch {
    // It has ended meanwhile.
    return false;
  }
}

/** A connection, and what is told when it ends. */
interface Monitor {
  readonly socket: Socket;
  readonly ended: Promise<void>;
}

/**
 * Which containers run, and when they end. Every running LXC container has a monitor process, which listens on a command socket; it
 * ends after its container did and the network and cgroups are taken down, and the kernel then closes our connection to it: from
 * whatever cause, also when the monitor itself was killed (the container goes with it, `lxc.monitor.signal.pdeath`). So one
 * idle connection for each running container says all, without a process to spawn or a clock to look at.
 * Nothing is ever sent.
 */
export class Monitors {
  readonly #lxcPath: string;
  readonly #layout: Layout;
  readonly #monitors = new Map<string, Monitor>();
  readonly #ended = new Subject<string>();

  constructor(layout: Layout) {
    this.#lxcPath = layout.lxcPath;
    this.#layout = layout;
  }

  /** Names of containers that have just ended, of those that `isRunning` has found running. */
  get ended(): Observable<string> {
    return this.#ended;
  }

  /** True when the container has a monitor: it is starting, running or stopping. From then on its end is told. */
  async isRunning(name: string): Promise<boolean> {
    if (this.#monitors.has(name)) return true;
    const socket = await connectTo(commandSocket(this.#lxcPath, name));
    if (socket === null) return false;
    if (this.#monitors.has(name)) socket.destroy();
    else this.#watch(name, socket);
    return true;
  }

  /** Resolves once the container that runs now, if any, has ended and nothing is left of it. */
  async untilEnded(name: string): Promise<void> {
    if (await this.isRunning(name)) await this.#monitors.get(name)?.ended;
  }

  /**
   * What the container's monitor has for an init: its process id; `gone` where there is none, or no monitor; `hidden` where
   * that can't be told: this kernel hides the children of a process (CONFIG_PROC_CHILDREN).
   */
  init(name: string): number | 'gone' | 'hidden' {
    const recorded = readIfThere(this.#layout.container(name).monitorPid);
    const monitor = recorded === null ? this.#findMonitor(name) : Number(recorded);
    if (!this.#isMonitor(readIfThere(`/proc/${monitor}/cmdline`) ?? '', name)) return 'gone';
    const children = readIfThere(`/proc/${monitor}/task/${monitor}/children`);
    if (children === null) return existsSync(`/proc/${monitor}`) ? 'hidden' : 'gone';
    const [init = ''] = children.split(' ');
    return init === '' ? 'gone' : Number(init);
  }

  /**
   * Kills what is left of a start that did not end: every process that starts or monitors this container, by its command line. What it has
   * made of the container goes with it.
   */
  killStart(name: string): void {
    const words = `lxc-start\0-d\0-P\0${this.#lxcPath}\0-n\0${name}\0`;
    for (const { pid, line } of processes()) {
      if (line.startsWith(words) || this.#isMonitor(line, name)) killProcess(pid);
    }
  }

  /**
   * Containers that run under our path, as far as their command sockets tell: those whose path is too long to be spelled out are known by
   * their directories alone.
   */
  running(): readonly string[] {
    const [before, after] = [`@${this.#lxcPath}/`, '/command'];
    const sockets = (readIfThere('/proc/net/unix') ?? '')
      .split('\n')
      .map((line) => line.slice(line.indexOf('@')))
      .filter((path) => path.startsWith(before) && path.endsWith(after));
    const names = sockets.map((path) => path.slice(before.length, -after.length)).filter(isContainerName);
    return [...new Set(names)];
  }

  /** Ends every connection; no container takes notice. */
  close(): void {
    this.#ended.complete();
    for (const { socket } of this.#monitors.values()) socket.destroy();
    this.#monitors.clear();
  }

  #isMonitor(line: string, name: string): boolean {
    return line.replace(/[\0 ]+$/, '') === `[lxc monitor] ${this.#lxcPath} ${name}`;
  }

  /** Where somebody has deleted the file that says it. Null: there is none. */
  #findMonitor(name: string): number | null {
    const found = [...processes()].find(({ pid, line }) => this.#isMonitor(line, name) && isOfHost(pid));
    return found?.pid ?? null;
  }

  #watch(name: string, socket: Socket): void {
    const ended = new Promise<void>((resolve) => {
      socket.once('close', () => {
        if (this.#monitors.get(name)?.socket === socket) this.#monitors.delete(name);
        resolve();
        this.#ended.next(name);
      });
    });
    // An error is always followed by `close`, which is all that matters here.
    socket.on('error', () => undefined);
    socket.resume();
    this.#monitors.set(name, { socket, ended });
  }
}
