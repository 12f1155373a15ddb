import { globSync } from 'node:fs';
import { join } from 'node:path';
import { stepLine } from '../../../controller/cli/render/replay-text.ts';
import { Engine } from '../../../controller/engine.ts';
import type { Effect, Fact, Input } from '../../../controller/input.ts';
import { readRecording } from '../../../controller/recording/read-recording.ts';
import { type ReplayReport, replay } from '../../../controller/recording/replay.ts';
import { projectDirectory } from '../../house/project.ts';

const directory = join(projectDirectory, 'test/recordings');

/** Recordings of real runs: made by `npm run record`, or adopted from the field with tools/record/adopt.ts. */
export const recordings: readonly string[] = globSync(join(directory, '*.jsonl')).sort();

/** The recording of that name. */
export function testRecording(name: string): string {
  return join(directory, `${name}.jsonl`);
}

/** What a replay showed. */
export interface Replayed {
  readonly report: ReplayReport;
  /** The step log, a line each. */
  readonly log: string;
  /** How trials ended, as facts to be made durable: `3 ERROR ContainerExited container/web`. */
  readonly verdicts: readonly string[];
  /** A trial was committed since its window had passed. */
  readonly committedByTimer: boolean;
}

function verdictOf(fact: Fact): string | null {
  if (fact.type !== 'verdict') return null;
  const { revision, phase, failure } = fact.verdict;
  return [revision, phase, failure?.code, failure?.key].filter((part) => part != null).join(' ');
}

/** Replays a recording with the engine of today, and looks at what it would have made durable. */
export async function replayed(path: string): Promise<Replayed> {
  let log = '';
  const verdicts: string[] = [];
  let committedByTimer = false;
  class WatchedEngine extends Engine {
    override next(input: Input): readonly Effect[] {
      const effects = super.next(input);
      for (const effect of effects) {
        const verdict = effect.type === 'persist' ? verdictOf(effect.fact) : null;
        if (verdict === null) continue;
        verdicts.push(verdict);
        committedByTimer ||= input.type === 'timer' && verdict.endsWith(' DONE');
      }
      return effects;
    }
  }
  const report = await replay(readRecording(path), {
    makeEngine: (store, start, options) => new WatchedEngine(store, start, options),
    onStep: (step) => {
      log += stepLine(step, (_, text) => text);
    },
  });
  return { report, log, verdicts, committedByTimer };
}
