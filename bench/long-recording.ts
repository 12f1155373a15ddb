import { closeSync, openSync, writeSync } from 'node:fs';
import type { Observation, Step } from '../adapters/adapter.ts';
import { defaultEngineOptions, Engine } from '../controller/engine.ts';
import type { Effect, Input } from '../controller/input.ts';
import { runHeader, type SentStep, stepsOf } from '../controller/recording/recording.ts';
import { nothingKept } from '../controller/restore.ts';
import { containerKey, type ObservedResource } from '../state/resource.ts';
import { DesiredStore } from '../state/store.ts';
import { twoPools } from './revisions.ts';

type Timeless<T> = T extends unknown ? Omit<T, 'at'> : never;

const containers = 50;
/** Between two disturbances: each container holds for longer than it takes to count as stable. */
const pauseMs = 1_000;

/** Writes what an engine takes in and answers, as a recorder does. */
class Writer {
  inputs = 0;
  readonly #descriptor: number;
  readonly #engine = new Engine(new DesiredStore({}), nothingKept, defaultEngineOptions);
  /** Armed timers, and when each is due. */
  readonly #timers = new Map<string, number>();
  #now = 0;

  constructor(path: string) {
    this.#descriptor = openSync(path, 'w', 0o600);
    const run = { holdfast: '0.0.0', adapter: 'memory', options: defaultEngineOptions };
    this.#line(runHeader({ ...run, ...nothingKept }));
  }

  /** One input, and what the world answers to all that it leads to. */
  take(input: Timeless<Input>): void {
    const at: Input = { ...input, at: this.#now } as Input;
    const effects = this.#engine.next(at);
    const steps = stepsOf(effects);
    this.inputs += 1;
    this.#line({ input: at, steps });
    for (const effect of effects) this.#answer(effect);
    for (const step of steps) this.take(landed(step));
  }

  /** Lets time pass, with the timers that are due in it. */
  pass(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const [next] = [...this.#timers].filter(([, due]) => due <= end).sort(([, a], [, b]) => a - b);
      if (next === undefined) break;
      const [timer, due] = next;
      this.#timers.delete(timer);
      this.#now = due;
      this.take({ type: 'timer', timer });
    }
    this.#now = end;
  }

  observed(name: string): ObservedResource | undefined {
    return this.#engine.world.observed(containerKey(name));
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #answer(effect: Effect): void {
    if (effect.type === 'persist') this.take({ type: 'persisted', error: null });
    else if (effect.type === 'arm') this.#timers.set(effect.timer, this.#now + effect.delayMs);
    else if (effect.type === 'disarm') this.#timers.delete(effect.timer);
    else if (effect.type === 'list') this.take({ type: 'listed', resources: this.#observed() });
  }

  #observed(): readonly ObservedResource[] {
    const { world } = this.#engine;
    return [...world.observedKeys()].flatMap((key) => world.observed(key) ?? []);
  }

  #line(value: unknown): void {
    writeSync(this.#descriptor, `${JSON.stringify(value)}\n`);
  }
}

function landed({ id, step }: SentStep): Timeless<Input> {
  const result = { outcome: 'done', observations: [observationOf(step)] } as const;
  return { type: 'step-ended', step: id, key: step.key, result };
}

function factsOf(kind: ObservedResource['kind']): ObservedResource['facts'] {
  if (kind === 'pool') return { adopted: false };
  return kind === 'container' ? { running: true, pid: 1234, ready: false, exit: null } : {};
}

/** What is there after a step that makes something. */
function observationOf(step: Step): Observation {
  if (!('digest' in step)) throw new Error(`found ${step.action}, expected nothing to be taken away`);
  const { key, spec, digest } = step;
  const kind = step.action.slice(0, step.action.indexOf('.')) as ObservedResource['kind'];
  return { key, observed: { key, kind, spec, digest, drift: [], facts: factsOf(kind) } };
}

/** Writes a recording of at least `inputs` inputs: fifty containers, one of which ends each second and is started again. */
export function writeLongRecording(path: string, inputs: number): number {
  const writer = new Writer(path);
  try {
    writer.take({ type: 'start' });
    const change = { type: 'replace', state: twoPools(containers, 'dir:/srv/root') } as const;
    writer.take({
      type: 'revision',
      request: 'r1',
      change,
      facts: { texts: {}, missing: [] },
      source: 'bench',
      message: null,
      commitAfterMs: null,
      unconditional: false,
    });
    // Until it is committed.
    writer.pass(defaultEngineOptions.commitAfterMs);
    for (let turn = 0; writer.inputs < inputs; turn += 1) {
      const name = `b${1 + (turn % containers)}`;
      const before = writer.observed(name);
      if (before === undefined) throw new Error(`found no container ${name}, expected it to run`);
      writer.pass(pauseMs);
      const facts = { running: false, pid: null, ready: false, exit: { code: 1, signal: null, at: 0 } };
      writer.take({
        type: 'observed',
        key: before.key,
        observed: { ...before, drift: ['not running'], facts },
      });
    }
    return writer.inputs;
  } finally {
    writer.close();
  }
}
