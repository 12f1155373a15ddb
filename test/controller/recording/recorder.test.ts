import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { defaultEngineOptions } from '../../../controller/engine.ts';
import { Recorder, record, recorded } from '../../../controller/recording/recorder.ts';
import type { RecordedInput } from '../../../controller/recording/recording.ts';
import { openRecordingFile } from '../../../controller/recording/recording-file.ts';
import { nothingKept } from '../../../controller/restore.ts';
import { StartError } from '../../../controller/start-error.ts';
import type { DesiredResource } from '../../../state/resource.ts';
import { revisionOf } from '../rig.ts';
import { headerOf, linesOf, MemoryFile, RecordedDevice } from './recorded-device.ts';

const pool = { internal: { subnet: '10.0.5.0/24' } };
const web = revisionOf(pool, { web: { pool: 'internal' } });

function directory(t: ExecutionContext): string {
  const made = mkdtempSync(join(tmpdir(), 'recording-'));
  t.teardown(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

const tick = (at: number): RecordedInput => ({
  input: { type: 'relist', reason: 'x'.repeat(80), at },
  steps: [],
});

/** Inputs of a recording, in order, without their times. */
async function inputsOf(text: string): Promise<readonly string[]> {
  const inputs: string[] = [];
  for await (const line of linesOf(text)) if (line.type === 'input') inputs.push(line.recorded.input.type);
  return inputs;
}

test('[REPLAY-1] every input of the engine is recorded, each with the steps that it led to', async (t) => {
  const file = new MemoryFile();
  const seen: string[] = [];
  const device = new RecordedDevice({ file });
  device.runner.inputs.subscribe((input) => seen.push(input.type));
  await device.start();
  await device.apply(web);
  await device.pass(600_000);
  await device.stop();
  t.deepEqual(await inputsOf(file.text), seen);
  t.deepEqual([...new Set(seen)], ['start', 'listed', 'revision', 'persisted', 'step-ended', 'timer']);
  const steps: string[] = [];
  for await (const line of linesOf(file.text)) {
    if (line.type === 'input')
      steps.push(...line.recorded.steps().map(({ id, step }) => `${id} ${step.action}`));
  }
  t.deepEqual(steps, ['1 pool.ensure', '2 lease.reserve', '3 container.start']);
});

test('[REPLAY-1] a run begins with all that its engine began with', async (t) => {
  const file = new MemoryFile();
  const conditions = {
    ...nothingKept,
    latest: 7,
    revision: 7,
    committed: true,
    state: web,
    leases: [{ pool: 'internal', container: 'web', interface: 'eth0', address: '10.0.5.9' }],
    texts: {},
  };
  const device = new RecordedDevice({ file, conditions });
  await device.start();
  await device.stop();
  for await (const line of linesOf(file.text)) {
    if (line.line !== 1) continue;
    t.deepEqual(line, {
      line: 1,
      type: 'run',
      header: { ...headerOf(conditions), options: defaultEngineOptions },
    });
  }
  const lease = device.engine.world.desired('lease/internal/web/eth0') as
    | DesiredResource<'lease'>
    | undefined;
  t.is(lease?.spec.address, '10.0.5.9');
});

test('an input over which the engine fails is recorded with what it failed with', async (t) => {
  const file = new MemoryFile();
  const recorder = new Recorder(headerOf(), { file, onEnd: t.fail });
  const broken = {
    next: () => {
      throw new Error('a mistake');
    },
  };
  t.throws(() => recorded(broken, recorder).next({ type: 'start', at: 5 }), { message: 'a mistake' });
  await recorder.close();
  t.is(file.text.split('\n')[1], '{"input":{"type":"start","at":5},"steps":[],"failed":"a mistake"}');
});

test('[REPLAY-1] a full disk ends the recording with a whole line, and control goes on', async (t) => {
  const ends: string[] = [];
  const file = new MemoryFile('', 1500);
  const device = new RecordedDevice({ file, onEnd: (reason) => ends.push(reason) });
  await device.start();
  await device.apply(web);
  await device.apply(revisionOf(pool, { web: { pool: 'internal' }, db: { pool: 'internal' } }));
  t.is(device.engine.board.get('container/db')?.phase, 'Ready');
  await device.stop();
  t.deepEqual(ends, ['ENOSPC: no space left on device, write']);
  t.true(file.text.endsWith('\n'));
  t.deepEqual((await inputsOf(file.text)).slice(0, 2), ['start', 'listed']);
  t.is(file.closed, 1);
});

test('a recording ends before it is larger than it may be', async (t) => {
  const ends: string[] = [];
  const file = new MemoryFile();
  const onEnd = (reason: string) => void ends.push(reason);
  const recorder = new Recorder(headerOf(), { file, onEnd, limitBytes: 1000 });
  for (let at = 0; at < 20; at += 1) {
    recorder.record(tick(at));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await recorder.close();
  t.deepEqual(ends, ['it would grow past 1000 bytes']);
  t.true(file.content.length <= 1000);
  t.true((await inputsOf(file.text)).length > 1);
  t.is(file.closed, 1);
});

test('a disk that does not keep up ends the recording rather than filling the memory', async (t) => {
  const ends: string[] = [];
  const file = new MemoryFile();
  const turns: (() => void)[] = [];
  file.write = (bytes, position) =>
    new Promise((resolve) => turns.push(() => resolve(file.writeNow(bytes, position))));
  const onEnd = (reason: string) => void ends.push(reason);
  const recorder = new Recorder(headerOf(), { file, onEnd, unwrittenBytes: 1000 });
  for (let at = 0; at < 20; at += 1) {
    recorder.record(tick(at));
    await null;
  }
  t.regex(ends.join(), /^the disk is too slow: 1\d\d\d bytes wait for it$/);
  for (const turn of turns) turn();
  await recorder.close();
  t.deepEqual(await inputsOf(file.text), ['relist'], 'what was being written');
  t.true(file.text.endsWith('\n'));
});

test('what a dying process has not written yet is written at once, and only once', async (t) => {
  const file = new MemoryFile();
  const recorder = new Recorder(headerOf(), { file, onEnd: t.fail });
  recorder.record(tick(1));
  await null;
  recorder.record(tick(2));
  recorder.rescue();
  recorder.record(tick(3));
  t.deepEqual(await inputsOf(file.text), ['relist', 'relist']);
});

test('[REPLAY-1] a recording is for its owner alone, and a controller that comes after goes on behind it', async (t) => {
  const path = join(directory(t), 'device.jsonl');
  const run = { holdfast: '0.0.0', adapter: 'memory', options: defaultEngineOptions, ...nothingKept };
  for (const at of [1, 2]) {
    const recording = await record(path, run, t.fail);
    recording?.of({ next: () => [] }).next({ type: 'start', at });
    await recording?.close();
  }
  t.is(statSync(path).mode & 0o777, 0o600);
  const lines: string[] = [];
  for await (const line of linesOf(readFileSync(path, 'utf8'))) lines.push(line.type);
  t.deepEqual(lines, ['run', 'input', 'run', 'input']);
});

test('a line that a kill has torn is cut off before a recording is gone on with', async (t) => {
  const path = join(directory(t), 'device.jsonl');
  const whole = `${JSON.stringify(headerOf())}\n`;
  writeFileSync(path, `${whole}{"input":{"type":"relist","reason":"${'x'.repeat(200_000)}`);
  const file = await openRecordingFile(path);
  t.is(file.size, whole.length);
  await file.write(Buffer.from('next\n'), file.size);
  await file.close();
  t.is(readFileSync(path, 'utf8'), `${whole}next\n`);
});

test('a file that is no recording of ours is refused and stays as it is', async (t) => {
  const made = directory(t);
  const foreign = join(made, 'foreign');
  writeFileSync(foreign, 'somebody else wrote this\n');
  chmodSync(foreign, 0o644);
  await t.throwsAsync(openRecordingFile(foreign), {
    instanceOf: StartError,
    message: `found a file that is no recording at ${foreign}, expected a recording of Holdfast's or nothing; give --record another path`,
  });
  t.deepEqual(
    [readFileSync(foreign, 'utf8'), statSync(foreign).mode & 0o777],
    ['somebody else wrote this\n', 0o644],
  );
  const link = join(made, 'link');
  symlinkSync(join(made, 'elsewhere'), link);
  await t.throwsAsync(openRecordingFile(link), { code: 'ELOOP' });
  await t.throwsAsync(openRecordingFile(made), { code: 'EISDIR' });
  await t.throwsAsync(openRecordingFile('/dev/full'), { instanceOf: StartError });
});
