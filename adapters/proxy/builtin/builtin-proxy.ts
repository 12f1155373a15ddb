import { join } from 'node:path';
import type { Observable } from 'rxjs';
import { type Commands, systemCommands } from '../../linux/command.ts';
import type { After } from '../../linux/network-monitor.ts';
import { conflictsWith, findPortOwners } from '../../linux/port-owners.ts';
import { ControlledProcess } from '../controlled-process.ts';
import { leastPrivileges } from '../least-privileges.ts';
import { requireServable } from '../link-identity.ts';
import {
  type Proxy as DataPlane,
  ProxyError,
  type ProxyListener,
  type ProxyProcess,
  type ProxyTraffic,
  type ServedListener,
} from '../proxy.ts';
import { ShownSockets } from '../shown-sockets.ts';
import { type ProxyLimits, usualLimits } from './limits.ts';
import { linkSocketsName } from './link-door.ts';
import { protocolVersion } from './protocol-version.ts';

export interface BuiltinProxyOptions {
  /** Absolute. */
  readonly root: string;
  /** Below `root`; everything is kept in `builtin` below it. Another one of the same instance has another. Absent: `run/proxy`. */
  readonly directory?: string;
  readonly after: After;
  /** The system's, unless a test hides programs. */
  readonly commands?: Pick<Commands, 'find'>;
  /** Those that differ from `usualLimits`. They hold for a process that is started, not for one that runs. */
  readonly limits?: Partial<ProxyLimits>;
}

/** Requests live too long for the usual young generation, from which they are then copied to the old one: a fifth more of them with this one. */
const flags = ['--max-semi-space-size=16'];

/** The proxy that comes with Holdfast, for hosts without HAProxy (see Proxy, and docs/decisions/builtin-proxy.md). */
export function createBuiltinProxy(options: BuiltinProxyOptions): DataPlane {
  return new BuiltinProxy(options);
}

/** The sources start the source, the bundle starts what tools/build.ts has put beside it. */
function program(): string {
  return join(import.meta.dirname, import.meta.filename.endsWith('.ts') ? 'process.ts' : 'builtin-proxy.js');
}

class BuiltinProxy implements DataPlane {
  readonly name = 'builtin';
  readonly #process: ControlledProcess<ServedListener, ProxyTraffic>;
  readonly #sockets: ShownSockets;

  constructor(options: BuiltinProxyOptions) {
    const { root, directory: place = 'run/proxy', after, commands = systemCommands, limits } = options;
    const directory = join(root, place, 'builtin');
    this.#sockets = new ShownSockets(join(directory, linkSocketsName));
    const told = JSON.stringify({ ...usualLimits, ...limits });
    this.#process = new ControlledProcess({
      directory,
      after,
      title: 'the built-in proxy',
      protocolVersion,
      argv: () => [...leastPrivileges(commands), process.execPath, ...flags, program(), directory, told],
    });
  }

  async observe(): Promise<ProxyProcess | null> {
    const state = await this.#process.observe();
    return state === null ? null : { ...state, reloads: 0 };
  }

  async serve(listeners: readonly ServedListener[]): Promise<void> {
    requireServable(listeners.filter((one) => one.type === 'rest'));
    // A process that was killed has left its sockets where they were shown.
    if (this.#process.pid() === null) this.#sockets.removeAll();
    try {
      await this.#process.serve(listeners);
    } catch (error) {
      throw await this.#withOwner(error, listeners);
    }
  }

  traffic(): Promise<readonly ProxyTraffic[]> {
    return this.#process.traffic();
  }

  watch(): Observable<string> {
    return this.#process.watch();
  }

  close(): void {
    this.#process.close();
  }

  /** The same error, with who listens where this one can't, where that is to be found out. */
  async #withOwner(error: unknown, listeners: readonly ServedListener[]): Promise<unknown> {
    if (!(error instanceof ProxyError) || error.code !== 'PortTaken') return error;
    const listener = listeners.find(({ name }) => name === error.listener);
    if (listener === undefined || listener.type === 'rest') return error;
    const owner = await this.#ownerOf(listener);
    if (owner === undefined) return error;
    const { code, message, log } = error;
    const named = `${message}: process '${owner.command}' (pid ${owner.pid})`;
    return new ProxyError(code, named, { log, listener: listener.name });
  }

  async #ownerOf({ addresses, port }: ProxyListener) {
    const ours = this.#process.pid();
    const others = (await findPortOwners(new Set([port]))).filter(({ pid }) => pid !== null && pid !== ours);
    return others.find((each) => conflictsWith(addresses, port, each));
  }
}
