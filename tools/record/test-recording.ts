import { join } from 'node:path';

/** Where a recording lies that every run of the tests replays. */
export function testRecording(name: string): string {
  return join(import.meta.dirname, '../../test/recordings', `${name}.jsonl`);
}
