import { mkdirSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { Observable, Subject } from 'rxjs';
import { type Commands, systemCommands } from '../../linux/command.ts';
import type { After } from '../../linux/network-monitor.ts';
import { conflictsWith, findPortOwners } from '../../linux/port-owners.ts';
import type { ProcessIdentity } from '../../linux/process-identity.ts';
import { readIfThere } from '../../linux/read-if-there.ts';
import { leastPrivileges } from '../least-privileges.ts';
import {
  type Proxy as DataPlane,
  ProxyError,
  type ProxyListener,
  type ProxyProcess,
  type ProxyTraffic,
} from '../proxy.ts';
import { SupervisedProcess } from '../supervised-process.ts';
import { ControlClient } from './control-client.ts';
import {
  controlSocketName,
  type ProxyState,
  protocolHeader,
  protocolVersion,
  type ServeFailure,
} from './control-protocol.ts';
import { type ProxyLimits, usualLimits } from './limits.ts';

export interface BuiltinProxyOptions {
  /** Absolute; everything is kept in `run/proxy/builtin` below it. */
  readonly root: string;
  readonly after: After;
  /** The system's, unless a test hides programs. */
  readonly commands?: Pick<Commands, 'find'>;
  /** Those that differ from `usualLimits`. They hold for a process that is started, not for one that runs. */
  readonly limits?: Partial<ProxyLimits>;
}

/** How long a process that was started may take until it can be talked to, and how often that is tried. */
const startMs = 10_000;
const tryMs = 5;
/** It has nothing to do when it is told to end. */
const endMs = 1_000;
const shownLogLines = 10;

/** Requests live too long for the usual young generation, from which they are then copied to the old one: a fifth more of them with this one. */
const flags = ['--max-semi-space-size=16'];

/** A request that lasts as long as the process does: its end is told by the kernel, at once. */
interface Life {
  readonly pid: number;
  readonly message: IncomingMessage;
  /** False: it was started by another version of this program, and may say and want other things. */
  readonly isOurs: boolean;
}

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
  readonly #options: BuiltinProxyOptions;
  readonly #directory: string;
  readonly #process: SupervisedProcess;
  readonly #control: ControlClient;
  readonly #ended = new Subject<string>();
  #life: Life | null = null;

  constructor(options: BuiltinProxyOptions) {
    this.#options = options;
    this.#directory = join(options.root, 'run', 'proxy', 'builtin');
    this.#process = new SupervisedProcess({
      directory: this.#directory,
      mark: this.#directory,
      after: options.after,
    });
    this.#control = new ControlClient(this.#directory);
  }

  async observe(): Promise<ProxyProcess | null> {
    const found = this.#process.find();
    if (found === null) return null;
    const { isOurs } = await this.#attend(found);
    // What another version serves is not what anybody wants of this one: the next `serve` replaces it.
    if (!isOurs) return { pid: found.pid, listeners: [], reloads: 0 };
    const { pid, listeners } = await this.#said<ProxyState>('GET', '/state');
    if (pid !== found.pid) {
      throw this.#failed(`process ${pid} answers at its control socket, expected ${found.pid}`);
    }
    return { pid, listeners, reloads: 0 };
  }

  async serve(listeners: readonly ProxyListener[]): Promise<void> {
    if (listeners.length === 0) return this.#end();
    const isRunning = await this.#isRunning();
    if (!isRunning) await this.#start();
    try {
      await this.#put(listeners);
    } catch (error) {
      // Nothing was served before.
      if (!isRunning) await this.#end();
      throw error;
    }
  }

  async traffic(): Promise<readonly ProxyTraffic[]> {
    const found = this.#process.find();
    if (found === null || !(await this.#attend(found)).isOurs) return [];
    return this.#said<readonly ProxyTraffic[]>('GET', '/traffic');
  }

  watch(): Observable<string> {
    return new Observable((subscriber) => {
      const subscription = this.#ended.subscribe(subscriber);
      const found = this.#process.find();
      // One that can't be talked to has ended, or says so to whoever asks it next.
      if (found !== null) this.#attend(found).catch((error: Error) => this.#ended.next(error.message));
      return subscription;
    });
  }

  close(): void {
    this.#forget();
    this.#ended.complete();
  }

  /** One of another version is ended, with its connections: it can't be told what to do. */
  async #isRunning(): Promise<boolean> {
    const found = this.#process.find();
    if (found === null) return false;
    const { isOurs } = await this.#attend(found);
    if (!isOurs) await this.#end();
    return isOurs;
  }

  async #start(): Promise<void> {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    rmSync(join(this.#directory, controlSocketName), { force: true });
    const limits = JSON.stringify({ ...usualLimits, ...this.#options.limits });
    const started = await this.#process.start(
      [
        ...leastPrivileges(this.#options.commands ?? systemCommands),
        process.execPath,
        ...flags,
        program(),
        this.#directory,
        limits,
      ],
      cacheEnvironment(),
    );
    for (let waitedMs = 0; !(await this.#canBeTalkedTo()); waitedMs += tryMs) {
      if (this.#process.find()?.pid !== started.pid) throw this.#failed('it ended as soon as it was started');
      if (waitedMs >= startMs) throw this.#failed(`it could not be talked to within ${startMs / 1000} s`);
      await new Promise<void>((resolve) => this.#options.after(tryMs, resolve));
    }
    await this.#attend(started);
  }

  async #canBeTalkedTo(): Promise<boolean> {
    try {
      await this.#control.ask('GET', '/state');
      return true;
    } catch (error) {
      if (['ENOENT', 'ECONNREFUSED'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
      throw error;
    }
  }

  async #put(listeners: readonly ProxyListener[]): Promise<void> {
    const { status, body } = await this.#asked('PUT', '/listeners', JSON.stringify(listeners));
    if (status === 204) return;
    const { code, message, listener } = JSON.parse(body) as ServeFailure;
    const owner =
      code === 'PortTaken' ? await this.#ownerOf(listeners.find(({ name }) => name === listener)) : '';
    const about = { ...(listener !== null && { listener }), log: this.#log() };
    throw new ProxyError(code, message + owner, about);
  }

  /** Who listens where this one can't, as words that end a sentence; empty where that is not to be found out. */
  async #ownerOf(listener: ProxyListener | undefined): Promise<string> {
    if (listener === undefined) return '';
    const { addresses, port } = listener;
    const ours = this.#process.find()?.pid;
    const others = (await findPortOwners(new Set([port]))).filter(({ pid }) => pid !== null && pid !== ours);
    const owner = others.find((each) => conflictsWith(addresses, port, each));
    return owner === undefined ? '' : `: process '${owner.command}' (pid ${owner.pid})`;
  }

  async #end(): Promise<void> {
    this.#forget();
    await this.#process.end(endMs);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Tells of its end from now on. */
  async #attend({ pid }: ProcessIdentity): Promise<Life> {
    if (this.#life?.pid === pid) return this.#life;
    const message = await this.#control.open('/life').catch((error: Error) => {
      throw this.#failed(error.message);
    });
    // 'close' follows, and is all that is asked for.
    message.on('error', () => {}).resume();
    if (this.#life?.pid === pid) {
      // Somebody else has asked at the same time.
      message.destroy();
      return this.#life;
    }
    const life = { pid, message, isOurs: message.headers[protocolHeader] === protocolVersion };
    this.#life = life;
    const ended = (): void => {
      if (this.#life !== life) return;
      this.#life = null;
      this.#ended.next([`the proxy process ${pid} has ended`, ...this.#log()].join('\n'));
    };
    message.once('close', ended);
    return life;
  }

  #forget(): void {
    const life = this.#life;
    this.#life = null;
    life?.message.destroy();
  }

  async #said<Answer>(method: string, path: string): Promise<Answer> {
    const { status, body } = await this.#asked(method, path);
    if (status !== 200) throw this.#failed(`${method} ${path}: ${body}`);
    return JSON.parse(body) as Answer;
  }

  async #asked(method: string, path: string, body?: string): ReturnType<ControlClient['ask']> {
    try {
      return await this.#control.ask(method, path, body);
    } catch (error) {
      throw this.#failed((error as Error).message);
    }
  }

  #failed(what: string): ProxyError {
    return new ProxyError('ProxyFailed', `the built-in proxy: ${what}`, { log: this.#log() });
  }

  #log(): readonly string[] {
    const lines = readIfThere(this.#process.log)?.trimEnd().split('\n') ?? [];
    return lines.filter((line) => line !== '').slice(-shownLogLines);
  }
}

/** Compiled code is kept where bin/holdfast has found that it can be trusted. */
function cacheEnvironment(): Readonly<Record<string, string>> {
  const { NODE_COMPILE_CACHE } = process.env;
  return NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE };
}
