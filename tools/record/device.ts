import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { ResourceItem } from '../../controller/api/contract.ts';
import type { EventRecord } from '../../state/status.ts';
import { type Command, runLines } from '../command.ts';
import { askJson, holdfast, type RunningController, startController } from '../controller.ts';
import { followEvents } from '../demo/events.ts';

/**
 * Where everything is kept while a recording is made: paths are part of specs and of their digests, so they are the same
 * every time. A lab's `/run` is its own, and goes with it.
 */
export const labDirectory = '/run/holdfast-record';

/** The commit window, seconds: as short as can be with time spent in TESTING. */
const commitAfterSeconds = 1;

/** A device in a lab whose controller is recorded. */
export class RecordedDevice {
  readonly #root = join(labDirectory, 'device');
  #controller: RunningController | null = null;

  /** Starts a controller that records to `file`. */
  async start(file: string): Promise<void> {
    this.#controller = await startController({
      adapter: 'lxc',
      root: this.#root,
      commitAfterSeconds,
      more: ['--record', file],
    });
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const controller = this.#controller;
    this.#controller = null;
    await controller?.stop(signal);
  }

  /** Says a verb to the controller; throws unless it ends with one of `codes`. */
  async say(words: readonly string[], codes: readonly number[] = [0]): Promise<void> {
    await run(holdfast(this.#running, ...words), codes);
  }

  /** Does something that changes the device, and waits for an event that is `wanted` after it. */
  async until(wanted: (event: EventRecord) => boolean, disturb: () => Promise<void>): Promise<void> {
    const kept = await askJson<{ items: readonly EventRecord[] }>(this.#running, 'events');
    const newest = kept.items.at(-1)?.sequence ?? 0;
    const events = followEvents(this.#running);
    try {
      await disturb();
      await events.next((event) => event.sequence > newest && wanted(event));
    } finally {
      events.stop();
    }
  }

  /** Process id of a container's init. */
  async pid(container: string): Promise<number> {
    const { items } = await askJson<{ items: readonly ResourceItem[] }>(this.#running, 'get', 'containers');
    const facts = items.find(({ name }) => name === container)?.observed as
      | { readonly facts: { readonly pid: number } }
      | null
      | undefined;
    if (facts === null || facts === undefined) throw new Error(`found no running container ${container}`);
    return facts.facts.pid;
  }

  /** Begins a verb that goes on while other things happen; how it ends is of no interest. */
  begin(...words: readonly string[]): void {
    const { program, arguments: argv, environment } = holdfast(this.#running, ...words);
    spawn(program, argv, { stdio: 'ignore', env: { ...process.env, ...environment } });
  }

  get #running(): RunningController {
    if (this.#controller === null) throw new Error('found no running controller, expected one to be started');
    return this.#controller;
  }
}

/** Runs a command; throws with what it said unless it ends with one of `codes`. */
export async function run(command: Command, codes: readonly number[] = [0]): Promise<void> {
  const said: string[] = [];
  const keep = (line: string) => void said.push(line);
  const code = await runLines(command, { out: keep, error: keep });
  if (!codes.includes(code))
    throw new Error(
      `${command.program} ${command.arguments.join(' ')} ended with ${code}:\n${said.join('\n')}`,
    );
}
