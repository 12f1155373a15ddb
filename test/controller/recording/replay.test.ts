import test from 'ava';
import { divergenceText } from '../../../controller/cli/render/replay-text.ts';
import { Engine } from '../../../controller/engine.ts';
import type { Effect, Input } from '../../../controller/input.ts';
import { type ReplayOptions, type ReplayReport, replay } from '../../../controller/recording/replay.ts';
import { nothingKept } from '../../../controller/restore.ts';
import { revisionOf } from '../rig.ts';
import { linesOf, MemoryFile, RecordedDevice } from './recorded-device.ts';

const pool = { internal: { subnet: '10.0.5.0/24', nat: true } };
const first = revisionOf(pool, { web: { pool: 'internal' } });
const second = revisionOf(pool, { web: { pool: 'internal', hostname: 'www' }, db: { pool: 'internal' } });

/** A device's life: a revision, an update, drift, a step that fails twice. */
async function recordedLife(): Promise<string> {
  const file = new MemoryFile();
  let failures = 2;
  const device = new RecordedDevice({
    file,
    fault: (step) => {
      if (step.key !== 'container/db' || failures-- <= 0) return null;
      return { outcome: 'failed', error: { code: 'Broken', message: 'it broke' }, observations: [] };
    },
  });
  await device.start();
  await device.apply(first);
  await device.pass(20_000);
  await device.apply(second);
  await device.pass(20_000);
  device.adapter.disturb((host) => host.bridges.clear());
  await device.pass(700_000);
  await device.stop();
  return file.text;
}

const paint = (_: unknown, text: string) => text;

/** What a person is told of the first difference. */
function told(report: ReplayReport): readonly string[] {
  if (report.divergence === null) return [];
  return divergenceText(report.divergence, report, paint).trimEnd().split('\n');
}

/** An engine in which one planner was changed: `change` sees every effect of every input. */
function changed(change: (effect: Effect, input: Input) => readonly Effect[]): ReplayOptions {
  class ChangedEngine extends Engine {
    override next(input: Input): readonly Effect[] {
      return super.next(input).flatMap((effect) => change(effect, input));
    }
  }
  return { makeEngine: (store, revision, options) => new ChangedEngine(store, revision, options) };
}

test('[REPLAY-2] a recording replays to the same steps and the same end', async (t) => {
  const steps: string[] = [];
  const report = await replay(linesOf(await recordedLife()), {
    onStep: ({ step, elapsedMs }) => steps.push(`${elapsedMs} ${step.action} ${step.key}`),
  });
  t.deepEqual(told(report), []);
  t.like(report, { runs: 1, steps: steps.length, phase: 'DONE', revision: 2, torn: null });
  t.deepEqual(steps.slice(0, 3), [
    '0 pool.ensure pool/internal',
    '0 lease.reserve lease/internal/web/eth0',
    '0 container.start container/web',
  ]);
  t.deepEqual(steps.slice(-1), ['40000 pool.ensure pool/internal']);
  t.true(steps.filter((step) => step.endsWith('container.start container/db')).length === 3);
});

test('[REPLAY-2] the same recording replayed twice gives the same steps, byte for byte', async (t) => {
  const text = await recordedLife();
  const log = async () => {
    const lines: string[] = [];
    const report = await replay(linesOf(text), { onStep: (step) => lines.push(JSON.stringify(step)) });
    return [...lines, JSON.stringify(report)].join('\n');
  };
  t.is(await log(), await log());
});

test('[REPLAY-2] a planner that makes another step is found at that step, and what differs is shown', async (t) => {
  const wider = changed((effect) => {
    if (effect.type !== 'step' || effect.step.action !== 'pool.ensure') return [effect];
    const { step } = effect;
    return [{ ...effect, step: { ...step, spec: { ...step.spec, gateway: '10.0.5.254' } } }];
  });
  const report = await replay(linesOf(await recordedLife()), wider);
  t.deepEqual(told(report), [
    'differs at input 4 (line 5, +0.000s), after 0 steps as recorded',
    '  input:    what had to be saved was',
    '  recorded: step 1 pool.ensure pool/internal [revision 1]',
    '  replayed: step 1 pool.ensure pool/internal [revision 1]',
    '    /spec/gateway: "10.0.5.1" → "10.0.5.254"',
  ]);
});

test('[REPLAY-2] a planner that forgets a step, or thinks of one more, is found', async (t) => {
  const text = await recordedLife();
  const forgetful = changed((effect, input) =>
    effect.type === 'step' && input.type === 'observed' ? [] : [effect],
  );
  t.deepEqual(told(await replay(linesOf(text), forgetful)).slice(1), [
    '  input:    pool/internal was observed: bridge hf-internal is missing',
    '  recorded: step 11 pool.ensure pool/internal [drift of pool/internal (bridge hf-internal is missing)]',
    '  replayed: no step',
  ]);
  const eager = changed((effect) =>
    effect.type === 'list'
      ? [
          effect,
          {
            type: 'step',
            id: 1,
            step: { action: 'container.stop', key: 'container/web' },
            cause: { trigger: { type: 'start' }, via: [] },
          },
        ]
      : [effect],
  );
  t.deepEqual(told(await replay(linesOf(text), eager)), [
    'differs at input 1 (line 2, +0.000s), after 0 steps as recorded',
    '  input:    the start',
    '  recorded: no step',
    '  replayed: step 1 container.stop container/web [start of the controller]',
  ]);
});

test('[REPLAY-2] a revision that is judged otherwise than it was is found before any step of it', async (t) => {
  const text = await recordedLife();
  const stricter = text.replace('"subnet":"10.0.5.0/24"', '"subnet":"10.0.5.7/24"');
  t.deepEqual(told(await replay(linesOf(stricter))), [
    'differs at input 4 (line 5, +0.000s), after 0 steps as recorded',
    '  input:    what had to be saved was',
    '  recorded: the revision before was accepted and saved',
    '  replayed: it is not',
    '    SubnetHostBits at /device.json/network/pools/internal/subnet: found "10.0.5.7/24" as subnet of pool \'internal\', expected a subnet without bits beyond its prefix: it implies the network 10.0.5.0/24',
  ]);
  const unsaved = text.split('\n').filter((line) => !line.includes('"type":"persisted"'));
  t.deepEqual(told(await replay(linesOf(unsaved.join('\n')))).slice(2), [
    '  recorded: the revision before was not accepted',
    '  replayed: it is accepted, and to be saved',
  ]);
});

test('[REPLAY-2] an engine that fails over an input is told from one that goes on', async (t) => {
  const text = await recordedLife();
  const failing = changed((effect) => {
    if (effect.type === 'list') throw new Error('a mistake');
    return [effect];
  });
  t.deepEqual(told(await replay(linesOf(text), failing)), [
    'differs at input 1 (line 2, +0.000s), after 0 steps as recorded',
    '  input:    the start',
    '  recorded: the engine went on',
    '  replayed: the engine failed: a mistake',
  ]);
  const [header = ''] = text.split('\n');
  const failed = `${header}\n{"input":{"type":"start","at":1},"steps":[],"failed":"a mistake"}\n`;
  t.is((await replay(linesOf(failed), failing)).divergence, null, 'it fails as it did');
  t.deepEqual(told(await replay(linesOf(failed))).slice(2), [
    '  recorded: the engine failed: a mistake',
    '  replayed: the engine went on',
  ]);
});

test('[REPLAY-2] each run of a recording begins with a fresh engine', async (t) => {
  const file = new MemoryFile();
  const device = new RecordedDevice({ file });
  await device.start();
  await device.apply(first);
  await device.stop();
  const { host, clock } = device;
  const conditions = {
    ...nothingKept,
    latest: 1,
    revision: 1,
    state: first,
    leases: [{ pool: 'internal', container: 'web', interface: 'eth0', address: '10.0.5.2' }],
    texts: {},
  };
  const behind = new MemoryFile(file.text);
  const next = new RecordedDevice({ file: behind, host, clock, conditions });
  await next.start();
  await next.apply(second);
  await next.stop();
  const report = await replay(linesOf(behind.text));
  t.deepEqual(told(report), []);
  t.like(report, { runs: 2, revision: 2, phase: 'TESTING' });
  const refused = behind.text.replace(
    /"revision":1,"state":.*?@1"/,
    '"revision":1,"state":{"#spec":"another@1"',
  );
  t.regex(
    told(await replay(linesOf(refused))).join('\n'),
    /^differs at the start of run 2.*\n {2}recorded: the run began\n {2}replayed: revision 1,/,
  );
});
