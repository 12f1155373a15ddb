import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ResourceItem, RevisionEntry, RevisionOutcome } from '../../controller/api/contract.ts';
import { ControllerClient } from '../../controller/cli/client.ts';
import type { FlatState } from '../../state/revision.ts';
import type { EventRecord } from '../../state/status.ts';
import { holdfastProgram, type RunningController, startController } from '../../tools/controller.ts';

/** What of an event tests look at. */
export type SeenEvent = Pick<EventRecord, 'sequence' | 'at' | 'key' | 'reason' | 'message'>;

/** How a command line is run besides its words. */
export interface CliOptions {
  readonly input?: string;
  readonly socket?: string;
}

/** How a device is set up. */
export interface DeviceOptions {
  /** The commit window, seconds; 0 when absent: what is ready is committed. */
  readonly commitAfterSeconds?: number;
  /** Where everything of it is kept; a fresh directory when absent. */
  readonly directory?: string;
}

/** What a command answered. */
export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function capture(command: string, argv: readonly string[], input?: string): Promise<Answer> {
  return new Promise((resolve) => {
    const child = execFile(command, argv, { maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 255;
      resolve({ code, stdout, stderr });
    });
    // A program that ends without reading its input is judged by its exit code, not by our broken pipe.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

/** A device as its user has it: a controller with everything under one directory, and the command line. */
export class Device {
  readonly directory: string;
  readonly root: string;
  readonly socket: string;
  readonly #adapter: 'lxc' | 'memory';
  readonly #commitAfterSeconds: number;
  #controller: RunningController | null = null;

  private constructor(directory: string, adapter: 'lxc' | 'memory', commitAfterSeconds: number) {
    this.directory = directory;
    this.root = join(directory, 'root');
    this.socket = join(directory, 'run', 'control.sock');
    this.#adapter = adapter;
    this.#commitAfterSeconds = commitAfterSeconds;
  }

  static async make(adapter: 'lxc' | 'memory', options: DeviceOptions = {}): Promise<Device> {
    const { commitAfterSeconds = 0 } = options;
    const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'holdfast-device-')));
    return new Device(directory, adapter, commitAfterSeconds);
  }

  /** The controller that runs. Throws when none does. */
  get controller(): RunningController {
    if (this.#controller === null) throw new Error('this device has no running controller');
    return this.#controller;
  }

  /** What the running controller has logged, a line each. */
  get log(): readonly string[] {
    return this.controller.log;
  }

  /** Starts the controller; resolves when it serves its control socket. */
  async start(...more: readonly string[]): Promise<void> {
    const { root, socket } = this;
    const commitAfterSeconds = this.#commitAfterSeconds;
    this.#controller = await startController({
      adapter: this.#adapter,
      root,
      socket,
      commitAfterSeconds,
      more,
    });
  }

  /** Ends the controller by `signal` and waits until it is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const { controller } = this;
    this.#controller = null;
    await controller.stop(signal);
  }

  /** One command line. */
  cli(argv: readonly string[], { input, socket = this.socket }: CliOptions = {}): Promise<Answer> {
    return capture(holdfastProgram, [...argv, '--socket', socket], input);
  }

  async apply(state: unknown, ...more: readonly string[]): Promise<Answer> {
    return this.cli(['apply', '-', '-o', 'json', ...more], { input: JSON.stringify(state) });
  }

  /** The same, with how the revision ended, or stands. */
  async outcomeOf(state: unknown, ...more: readonly string[]): Promise<RevisionOutcome> {
    return JSON.parse((await this.apply(state, ...more)).stdout) as RevisionOutcome;
  }

  async get(kind: string): Promise<readonly ResourceItem[]> {
    const answer = await this.cli(['get', kind, '-o', 'json']);
    if (answer.code !== 0) throw new Error(`get ${kind}: ${answer.stderr}`);
    return (JSON.parse(answer.stdout) as { items: readonly ResourceItem[] }).items;
  }

  /** Every resource, as `get` lists them. */
  resources(): Promise<readonly ResourceItem[]> {
    return this.#items('/v1/resources');
  }

  /** Every revision that is remembered, oldest first. */
  history(): Promise<readonly RevisionEntry[]> {
    return this.#items('/v1/revisions');
  }

  /** Every event that is kept, oldest first. */
  events(): Promise<readonly SeenEvent[]> {
    return this.#items('/v1/events');
  }

  /** Proposes a revision and, unless it is refused, waits until it has ended and everything is at rest. Rejects when the controller goes away. */
  async propose(
    state: unknown,
    onAnswer: (outcome: RevisionOutcome) => void = () => undefined,
  ): Promise<RevisionOutcome> {
    using client = new ControllerClient(this.socket);
    const accepted = await client.send<RevisionOutcome>('POST', '/v1/revisions', { state, source: 'test' });
    onAnswer(accepted);
    return accepted.phase === 'WONTGO' ? accepted : await this.atRest();
  }

  /** How the newest revision ended, once it has and everything is at rest. Rejects when the controller goes away. */
  async atRest(): Promise<RevisionOutcome> {
    using client = new ControllerClient(this.socket);
    for await (const outcome of client.lines<RevisionOutcome>('/v1/outcome?follow=1')) {
      if (outcome.settled && (outcome.phase === 'DONE' || outcome.phase === 'ERROR')) return outcome;
    }
    throw new Error('the stream of outcomes ended');
  }

  /** The desired revision. */
  async current(): Promise<{ readonly revision: number; readonly state: FlatState }> {
    using client = new ControllerClient(this.socket);
    return await client.get('/v1/revision');
  }

  /** What the controller lists, without a command line in between: a test may ask often. */
  async #items<Item>(path: string): Promise<readonly Item[]> {
    using client = new ControllerClient(this.socket);
    return (await client.get<{ readonly items: readonly Item[] }>(path)).items;
  }

  /** Any program of the host. */
  run(command: string, ...argv: readonly string[]): Promise<Answer> {
    return capture(command, argv);
  }

  /** A program inside a container. */
  inside(container: string, ...argv: readonly string[]): Promise<Answer> {
    return capture('lxc-attach', ['-P', join(this.root, 'lxc'), '-n', container, '--', ...argv]);
  }

  /** Init's process id of each running container. */
  async pids(): Promise<Readonly<Record<string, number>>> {
    const items = (await this.resources()).filter(({ kind }) => kind === 'container');
    const pidOf = (item: ResourceItem) =>
      (item.observed as { facts?: { pid?: number } } | null)?.facts?.pid ?? 0;
    return Object.fromEntries(items.map((item) => [item.name, pidOf(item)]));
  }

  /** What to call after a disturbance: resolves with the first event since now that `wanted` takes. */
  async event(wanted: (event: SeenEvent) => boolean): Promise<() => Promise<void>> {
    const newest = (await this.events()).at(-1)?.sequence ?? 0;
    const child = spawn(holdfastProgram, ['events', '-f', '-o', 'json', '--socket', this.socket], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const seen = new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const event: SeenEvent = JSON.parse(line);
        if (event.sequence > newest && wanted(event)) resolve();
      });
      child.once('exit', () => reject(new Error('the event stream ended')));
    });
    return () => seen.finally(() => child.kill());
  }

  async write(path: string, text: string): Promise<string> {
    const file = join(this.directory, path);
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, text);
    return file;
  }

  /** Takes everything down and ends the controller; the directory stays. */
  async takeDown(): Promise<void> {
    if (this.#controller === null) return;
    await this.cli(['down']);
    await this.end('SIGTERM');
  }

  /** Takes everything down and away. */
  async destroy(): Promise<void> {
    await this.takeDown();
    await rm(this.directory, { recursive: true, force: true });
  }
}
