import { mkdirSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { Observable, Subject } from 'rxjs';
import type { After } from '../linux/network-monitor.ts';
import type { ProcessIdentity } from '../linux/process-identity.ts';
import { readIfThere } from '../linux/read-if-there.ts';
import { type ControlAnswer, ControlClient } from './control-client.ts';
import {
  type ControlledState,
  controlSocketName,
  protocolHeader,
  type ServeFailure,
} from './control-protocol.ts';
import { ProxyError } from './proxy.ts';
import { SupervisedProcess } from './supervised-process.ts';

export interface ControlledOptions {
  /** Of the process alone; made with mode 0700, and removed when the process is ended. */
  readonly directory: string;
  readonly after: After;
  /** What it is called in errors: `the built-in proxy`. */
  readonly title: string;
  /** Which the program speaks that `argv` starts. */
  readonly protocolVersion: string;
  /** How it is started; the directory is one of its words. */
  readonly argv: () => readonly string[];
}

/** How long a process that was started may take until it can be talked to, and how often that is tried. */
const startMs = 10_000;
const tryMs = 5;
/** It has nothing to do when it is told to end. */
const endMs = 1_000;
const shownLogLines = 10;

/** A request that lasts as long as the process does: its end is told by the kernel, at once. */
interface Life {
  readonly pid: number;
  readonly message: IncomingMessage;
  /** False: it was started by another version of this program, and may say and want other things. */
  readonly isOurs: boolean;
}

/** A program of our own that serves listeners, in a process that outlives us (SupervisedProcess) and takes orders (control-protocol.ts). All errors are ProxyErrors. */
export class ControlledProcess<Listener, Traffic> {
  readonly #options: ControlledOptions;
  readonly #process: SupervisedProcess;
  readonly #control: ControlClient;
  readonly #ended = new Subject<string>();
  #life: Life | null = null;

  constructor(options: ControlledOptions) {
    const { directory, after } = options;
    this.#options = options;
    this.#process = new SupervisedProcess({ directory, mark: directory, after });
    this.#control = new ControlClient(directory);
  }

  /** The process that runs, and what it serves; null: none does. */
  async observe(): Promise<ControlledState<Listener> | null> {
    const found = this.#process.find();
    if (found === null) return null;
    const { isOurs } = await this.#attend(found);
    // What another version serves is not what anybody wants of this one: the next `serve` replaces it.
    if (!isOurs) return { pid: found.pid, listeners: [] };
    const { pid, listeners } = await this.#said<ControlledState<Listener>>('GET', '/state');
    if (pid !== found.pid) {
      throw this.#failed(`process ${pid} answers at its control socket, expected ${found.pid}`);
    }
    return { pid, listeners };
  }

  /** Has it serve exactly these, whole or not at all; for none it is ended, and its directory is removed. */
  async serve(listeners: readonly Listener[]): Promise<void> {
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

  /** Empty while none runs, or one of another version does. */
  async traffic(): Promise<readonly Traffic[]> {
    const found = this.#process.find();
    if (found === null || !(await this.#attend(found)).isOurs) return [];
    return this.#said<readonly Traffic[]>('GET', '/traffic');
  }

  /** Why it has ended, whenever it does without having been told to. Subscribing starts it. */
  watch(): Observable<string> {
    return new Observable((subscriber) => {
      const subscription = this.#ended.subscribe(subscriber);
      const found = this.#process.find();
      // One that can't be talked to has ended, or says so to whoever asks it next.
      if (found !== null) this.#attend(found).catch((error: Error) => this.#ended.next(error.message));
      return subscription;
    });
  }

  /** Its process id; null: none runs. */
  pid(): number | null {
    return this.#process.find()?.pid ?? null;
  }

  /** Lets go of it; it goes on. */
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
    const { directory, argv, after } = this.#options;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    rmSync(join(directory, controlSocketName), { force: true });
    const started = await this.#process.start(argv(), cacheEnvironment());
    for (let waitedMs = 0; !(await this.#canBeTalkedTo()); waitedMs += tryMs) {
      if (this.pid() !== started.pid) throw this.#failed('it ended as soon as it was started');
      if (waitedMs >= startMs) throw this.#failed(`it could not be talked to within ${startMs / 1000} s`);
      await new Promise<void>((resolve) => after(tryMs, resolve));
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

  async #put(listeners: readonly Listener[]): Promise<void> {
    const { status, body } = await this.#asked('PUT', '/listeners', JSON.stringify(listeners));
    if (status === 204) return;
    const { code, message, listener } = JSON.parse(body) as ServeFailure;
    throw new ProxyError(code, message, { ...(listener !== null && { listener }), log: this.#log() });
  }

  async #end(): Promise<void> {
    this.#forget();
    await this.#process.end(endMs);
    rmSync(this.#options.directory, { recursive: true, force: true });
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
    const life = { pid, message, isOurs: message.headers[protocolHeader] === this.#options.protocolVersion };
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

  async #asked(method: string, path: string, body?: string): Promise<ControlAnswer> {
    try {
      return await this.#control.ask(method, path, body);
    } catch (error) {
      throw this.#failed((error as Error).message);
    }
  }

  #failed(what: string): ProxyError {
    return new ProxyError('ProxyFailed', `${this.#options.title}: ${what}`, { log: this.#log() });
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
