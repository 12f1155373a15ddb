import type { Step } from '../../adapters/adapter.ts';
import type { Cause } from '../../state/status.ts';
import type { EngineOptions } from '../engine.ts';
import type { Effect, Input } from '../input.ts';
import type { StartConditions } from '../restore.ts';

/**
 * What a recording is (REPLAY-1): lines of JSON, each ended by a line feed. A line that names the format begins a run of a
 * controller; each line after it is one input of that run with the steps that the engine sent in answer. A file may
 * hold several runs, one after the other: a controller that is started again goes on behind what is there.
 */
export const recordingFormat = 'holdfast-recording';

/** Changes when an older Holdfast could not read a recording any more. */
export const recordingVersion = 2;

/** How every recording begins, byte for byte: what is told from a file of somebody else's. */
export const recordingMagic = `{"format":"${recordingFormat}",`;

/** The first line of a run: all that its engine began with. */
export interface RunHeader extends StartConditions {
  readonly format: typeof recordingFormat;
  readonly version: number;
  /** Version of the Holdfast that wrote it. */
  readonly holdfast: string;
  /** Name of the adapter on which it ran. */
  readonly adapter: string;
  readonly options: EngineOptions;
}

/** A step as the engine sent it. */
export interface SentStep {
  readonly id: number;
  readonly step: Step;
  readonly cause: Cause;
}

/** Every other line: one input, and what came of it. */
export interface RecordedInput {
  readonly input: Input;
  readonly steps: readonly SentStep[];
  /** The engine threw this over the input: a mistake in Holdfast, and the last input of its run. */
  readonly failed?: string;
}

/** The steps among `effects`, in their order: all of an answer that a recording keeps, since the rest follows from the inputs. */
export function stepsOf(effects: readonly Effect[]): readonly SentStep[] {
  return effects
    .filter((effect) => effect.type === 'step')
    .map(({ id, step, cause }) => ({ id, step, cause }));
}

/** The first line of a run of this version. Its members begin as `recordingMagic` says. */
export function runHeader(run: Omit<RunHeader, 'format' | 'version'>): RunHeader {
  return { format: recordingFormat, version: recordingVersion, ...run };
}
