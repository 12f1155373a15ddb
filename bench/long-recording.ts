import { closeSync, openSync, writeSync } from 'node:fs';
import type { Observation, Step } from '../adapters/adapter.ts';
import { defaultEngineOptions, Engine } from '../controller/engine.ts';
import type { Input } from '../controller/input.ts';
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
  #now = 0;

  constructor(path: string) {
    this.#descriptor = openSync(path, 'w', 0o600);
    const run = { holdfast: '0.0.0', adapter: 'memory', options: defaultEngineOptions };
    this.#line(runHeader({ ...run, ...nothingKept }));
  }

  /** One input, and the end of every step that it leads to. */
  take(input: Timeless<Input>, delayMs = 0): void {
    this.#now += delayMs;
    const at: Input = { ...input, at: this.#now } as Input;
    const effects = this.#engine.next(at);
    const steps = stepsOf(effects);
    this.inputs += 1;
    this.#line({ input: at, steps });
    if (effects.some(({ type }) => type === 'persist')) this.take({ type: 'persisted', error: null });
    for (const step of steps) this.take(landed(step));
  }

  observed(name: string): ObservedResource | undefined {
    return this.#engine.world.observed(containerKey(name));
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #line(value: unknown): void {
    writeSync(this.#descriptor, `${JSON.stringify(value)}\n`);
  }
}

function landed({ id, step }: SentStep): Timeless<Input> {
  const result = { outcome: 'done', observations: [observationOf(step)] } as const;
  return { type: 'step-ended', step: id, key: step.key, result };
}

/** What is there after a step that makes something. */
function observationOf(step: Step): Observation {
  if (!('digest' in step)) throw new Error(`found ${step.action}, expected nothing to be taken away`);
  const { key, spec, digest } = step;
  const kind = step.action.slice(0, step.action.indexOf('.')) as ObservedResource['kind'];
  const facts =
    kind === 'pool' ? { adopted: false } : kind === 'container' ? { running: true, pid: 1234 } : {};
  return { key, observed: { key, kind, spec, digest, drift: [], facts } };
}

/** Writes a recording of at least `inputs` inputs: fifty containers, one of which ends each second and is started again. */
export function writeLongRecording(path: string, inputs: number): number {
  const writer = new Writer(path);
  try {
    writer.take({ type: 'start' });
    writer.take({ type: 'listed', resources: [] });
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
    for (let turn = 0; writer.inputs < inputs; turn += 1) {
      const name = `b${1 + (turn % containers)}`;
      const before = writer.observed(name);
      if (before === undefined) throw new Error(`found no container ${name}, expected it to run`);
      const observed = { ...before, drift: ['not running'], facts: { running: false, pid: null } };
      writer.take({ type: 'observed', key: before.key, observed }, pauseMs);
    }
    return writer.inputs;
  } finally {
    writer.close();
  }
}
