import { statSync } from 'node:fs';
import { join } from 'node:path';
import { runLines } from '../tools/command.ts';
import { holdfastProgram } from '../tools/controller.ts';
import { inDirectory } from './bench-directory.ts';
import { writeLongRecording } from './long-recording.ts';
import { inTurns, type Reading, reading, timed } from './measure.ts';

const inputs = 100_000;

async function replay(path: string): Promise<void> {
  const said: string[] = [];
  const keep = (line: string) => void said.push(line);
  const code = await runLines(
    { program: holdfastProgram, arguments: ['replay', path] },
    { out: keep, error: keep },
  );
  if (code !== 0) throw new Error(`holdfast replay ended with ${code}: ${said.join('\n')}`);
}

/** REPLAY-2: what it takes to go through the recording of a long life, from the command line. */
export function replayed(): Promise<readonly Reading[]> {
  return inDirectory(async (directory) => {
    const path = join(directory, 'long.jsonl');
    const written = writeLongRecording(path, inputs);
    const [took = 0] = await inTurns(5, [() => timed(() => replay(path))]);
    const limit = { of: 'value', atMost: 5_000 } as const;
    return [
      reading(
        { name: 'replay of a recording of 100,000 inputs', unit: 'ms', limit },
        (took * inputs) / written,
      ),
      reading({ name: 'that recording', unit: 'MB' }, statSync(path).size / 1e6),
    ];
  });
}
