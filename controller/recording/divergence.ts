import jsonpatch from 'fast-json-patch';
import { canonicalJson, type Json } from '../../state/json.ts';
import type { Input } from '../input.ts';
import type { SentStep } from './recording.ts';

/** Where a replay is. */
export interface Place {
  /** Run of the recording, from 1. */
  readonly run: number;
  /** Input of the run, from 1; 0 is before the first. */
  readonly input: number;
  /** Line of the file, from 1. */
  readonly line: number;
  /** Milliseconds since the first input of the run. */
  readonly elapsedMs: number;
}

/** The first thing in which a replay is not as the recording. */
export type Divergence = Place & {
  /** What was being taken in; null at the beginning of a run. */
  readonly after: Input | null;
} & (
    | {
        readonly type: 'step';
        /** Null: no step there. */
        readonly recorded: SentStep | null;
        readonly replayed: SentStep | null;
      }
    /** A revision is saved in one of the two, and refused or unchanged in the other. */
    | {
        readonly type: 'revision';
        readonly saved: 'recorded' | 'replayed';
        readonly findings: readonly string[];
      }
    /** The engine threw in one of the two, or something else in each. */
    | { readonly type: 'failure'; readonly recorded: string | null; readonly replayed: string | null }
    /** The state that the run began with is refused. */
    | { readonly type: 'start'; readonly message: string }
  );

/** Steps are the same when number, action, key and arguments are; what they are said to come from may differ. */
export function sameStep(recorded: SentStep, replayed: SentStep): boolean {
  if (recorded.id !== replayed.id) return false;
  const [was, is] = [JSON.stringify(recorded.step), JSON.stringify(replayed.step)];
  // The order of members is no difference, and almost always the same.
  return was === is || canonicalJson(recorded.step) === canonicalJson(replayed.step);
}

/** The first pair of steps that differ; null: all are the same. */
export function firstDifference(
  recorded: readonly SentStep[],
  replayed: readonly SentStep[],
): { readonly recorded: SentStep | null; readonly replayed: SentStep | null } | null {
  for (let index = 0; index < Math.max(recorded.length, replayed.length); index += 1) {
    const was = recorded[index] ?? null;
    const is = replayed[index] ?? null;
    if (was === null || is === null || !sameStep(was, is)) return { recorded: was, replayed: is };
  }
  return null;
}

/** One place in which two JSON documents differ; undefined: nothing is there. */
export interface JsonDifference {
  readonly pointer: string;
  readonly recorded: Json | undefined;
  readonly replayed: Json | undefined;
}

/** Where two documents differ, sorted by pointer. */
export function jsonDifferences(recorded: object, replayed: object): readonly JsonDifference[] {
  return jsonpatch
    .compare(recorded, replayed)
    .map((operation) => ({
      pointer: operation.path,
      recorded: operation.op === 'add' ? undefined : jsonpatch.getValueByPointer(recorded, operation.path),
      replayed: 'value' in operation ? (operation.value as Json) : undefined,
    }))
    .sort((one, other) => (one.pointer < other.pointer ? -1 : 1));
}
