import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runLines } from '../command.ts';
import { labDirectory, RecordedDevice } from './device.ts';
import { recordingOf, scenarios } from './scenarios.ts';
import { testRecording } from './test-recording.ts';

/**
 * `npm run record`: makes the recordings of real LXC runs under test/recordings anew, in a lab, as root on Linux. Needed
 * when Holdfast is meant to do something else than it did: look at what `holdfast replay` says first.
 */

const project = join(import.meta.dirname, '../..');

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Plays all scenarios on one device, and keeps their recordings when all went well. */
async function recordAll(): Promise<number> {
  mkdirSync(labDirectory, { recursive: true, mode: 0o700 });
  const device = new RecordedDevice();
  try {
    for (const [name, play] of Object.entries(scenarios)) {
      say(`recording ${name}`);
      await play(device, recordingOf(name));
    }
    for (const name of Object.keys(scenarios)) {
      // A recording is its owner's alone; one of the project's is everybody's.
      writeFileSync(testRecording(name), readFileSync(recordingOf(name)));
    }
    return 0;
  } finally {
    await device.stop();
  }
}

function node(...words: readonly string[]): Promise<number> {
  return runLines({ program: process.execPath, arguments: words }, { out: say, error: say });
}

async function main(): Promise<number> {
  if (process.env.HOLDFAST_LAB === '1') return recordAll();
  const provisioned = await node(join(project, 'test/lab/provision.ts'));
  if (provisioned !== 0) return provisioned;
  const lab = [join(project, 'test/lab/lab.ts'), '--name', 'record', '--'];
  return node(...lab, process.execPath, join(import.meta.dirname, 'main.ts'));
}

process.exitCode = await main();
