import type { DesiredStore } from '../../state/store.ts';
import type { RevisionPhase } from '../api/contract.ts';
import { defaultEngineOptions, Engine, type EngineOptions, type EngineStart } from '../engine.ts';
import type { Effect, Input } from '../input.ts';
import { storeOf } from '../restore.ts';
import type { RolloutView } from '../rollout-view.ts';
import { type Divergence, firstDifference, type Place } from './divergence.ts';
import type { ReadInput, RecordingLine } from './read-recording.ts';
import { type RunHeader, type SentStep, stepsOf } from './recording.ts';

/** What a replay needs of an engine. */
export type ReplayedEngine = Pick<Engine, 'next' | 'revision' | 'rollout'>;

/** A step that a replay came to, where and after which input. */
export interface ReplayedStep extends Place, SentStep {
  readonly after: Input;
}

export interface ReplayOptions {
  /** Another engine than today's, to see whether it differs. */
  readonly makeEngine?: (store: DesiredStore, start: EngineStart, options: EngineOptions) => ReplayedEngine;
  /** Told each run as it begins. */
  readonly onRun?: (run: number, header: RunHeader) => void;
  /** Told each step of the replay, in order. */
  readonly onStep?: (step: ReplayedStep) => void;
}

/** How a replay ended. Counts go up to the divergence where there is one. */
export interface ReplayReport {
  readonly runs: number;
  readonly inputs: number;
  readonly steps: number;
  /** Recorded time, milliseconds: the sum over the runs. */
  readonly elapsedMs: number;
  /** Number of the last revision, and how it stands: as the controller would say. */
  readonly revision: number;
  readonly phase: RevisionPhase;
  /** What of the last line was left out, since the recorder was killed while it wrote; null: nothing. */
  readonly torn: { readonly line: number; readonly bytes: number } | null;
  readonly divergence: Divergence | null;
}

/** What is to be compared of an answer of the engine. */
interface Outcome {
  readonly effects: readonly Effect[];
  readonly failed: string | null;
}

/** One run of a controller, done again: a fresh engine in the time that its inputs bring with them. */
class ReplayedRun {
  readonly engine: ReplayedEngine;
  readonly number: number;
  inputs = 0;
  steps = 0;
  elapsedMs = 0;
  #beganAt: number | null = null;
  /** Facts that the engine has asked to be made durable and was not told of yet. */
  #saving = 0;
  #refusals: readonly string[] = [];
  readonly #onStep: ReplayOptions['onStep'];

  constructor(number: number, header: RunHeader, { makeEngine, onStep }: ReplayOptions) {
    const make = makeEngine ?? ((store, start, options) => new Engine(store, start, options));
    // An option that is newer than the recording is as it would be on a device.
    this.engine = make(storeOf(header), header, { ...defaultEngineOptions, ...header.options });
    this.number = number;
    this.#onStep = onStep;
  }

  /** Takes in the input of one line. */
  take(line: number, { input, failed, ...sent }: ReadInput): Divergence | null {
    this.inputs += 1;
    this.#beganAt ??= input.at;
    this.elapsedMs = input.at - this.#beganAt;
    const place = { ...this.place(line), after: input };
    const isSaved = input.type === 'persisted';
    const isSaving = this.#saving > 0;
    if (isSaved !== isSaving) {
      const saved = isSaved ? 'recorded' : 'replayed';
      return { ...place, type: 'revision', saved, findings: this.#refusals };
    }
    const outcome = this.#fold(input);
    const recorded = failed ?? null;
    if (outcome.failed !== recorded) return { ...place, type: 'failure', recorded, replayed: outcome.failed };
    this.#follow(outcome.effects);
    return this.#compare(place, sent, stepsOf(outcome.effects));
  }

  place(line: number): Place {
    return { run: this.number, input: this.inputs, line, elapsedMs: this.elapsedMs };
  }

  #fold(input: Input): Outcome {
    if (input.type === 'persisted') this.#saving -= 1;
    try {
      return { effects: this.engine.next(input), failed: null };
    } catch (error) {
      return { effects: [], failed: error instanceof Error ? error.message : String(error) };
    }
  }

  #follow(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type === 'persist') this.#saving += 1;
      if (effect.type !== 'answer') continue;
      this.#refusals = effect.answer.findings
        .filter(({ severity }) => severity === 'error')
        .map(({ code, pointer, message }) => `${code} at ${pointer}: ${message}`);
    }
  }

  #compare(
    place: Place & { readonly after: Input },
    recorded: Pick<ReadInput, 'stepsText' | 'steps'>,
    replayed: readonly SentStep[],
  ): Divergence | null {
    const asWritten = recorded.stepsText === JSON.stringify(replayed);
    const difference = asWritten ? null : firstDifference(recorded.steps(), replayed);
    const same = difference?.replayed ?? null;
    for (const step of replayed) {
      if (step === same) break;
      this.steps += 1;
      this.#onStep?.({ ...place, ...step });
    }
    return difference === null ? null : { ...place, type: 'step', ...difference };
  }
}

/** How the newest revision stood at the end: on trial, or as it ended; the committed one where none was tried. */
function lastPhase({ committed, trial, ended }: RolloutView): ReplayReport['phase'] {
  return trial?.phase ?? ended?.phase ?? (committed === null ? 'INPROGRESS' : 'DONE');
}

/** Follows a recording from run to run. */
class Replay {
  readonly #options: ReplayOptions;
  #run: ReplayedRun | null = null;
  #totals = { runs: 0, inputs: 0, steps: 0, elapsedMs: 0 };
  #torn: ReplayReport['torn'] = null;

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  take(line: RecordingLine): Divergence | null {
    switch (line.type) {
      case 'run':
        return this.#begin(line.line, line.header);
      case 'input':
        return this.#run?.take(line.line, line.recorded) ?? null;
      case 'torn':
        this.#torn = { line: line.line, bytes: line.bytes };
        return null;
    }
  }

  report(divergence: Divergence | null): ReplayReport {
    this.#endRun();
    const revision = this.#run?.engine.revision ?? 0;
    const phase = this.#run === null ? 'ERROR' : lastPhase(this.#run.engine.rollout);
    return { ...this.#totals, revision, phase, torn: this.#torn, divergence };
  }

  #begin(line: number, header: RunHeader): Divergence | null {
    this.#endRun();
    this.#run = null;
    this.#totals.runs += 1;
    const run = this.#totals.runs;
    this.#options.onRun?.(run, header);
    try {
      this.#run = new ReplayedRun(run, header, this.#options);
      return null;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { type: 'start', run, input: 0, line, elapsedMs: 0, after: null, message };
    }
  }

  #endRun(): void {
    if (this.#run === null) return;
    const { inputs, steps, elapsedMs } = this.#run;
    this.#totals = {
      runs: this.#totals.runs,
      inputs: this.#totals.inputs + inputs,
      steps: this.#totals.steps + steps,
      elapsedMs: this.#totals.elapsedMs + elapsedMs,
    };
  }
}

/**
 * Feeds a recording to a fresh engine for each of its runs, and compares the steps that come out with those that were
 * recorded (REPLAY-2). There is no adapter, no clock and no disk: nothing happens but in the engine. Ends at the first
 * difference. Rejects as the lines do.
 */
export async function replay(
  lines: AsyncIterable<RecordingLine>,
  options: ReplayOptions = {},
): Promise<ReplayReport> {
  const running = new Replay(options);
  for await (const line of lines) {
    const divergence = running.take(line);
    if (divergence !== null) return running.report(divergence);
  }
  return running.report(null);
}
