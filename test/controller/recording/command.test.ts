import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { capture } from '../../../tools/command.ts';
import { startController, holdfast as verb } from '../../../tools/controller.ts';
import { commandLine, holdfast } from '../cli/command.ts';
import { revisionOf } from '../rig.ts';
import { headerOf } from './recorded-device.ts';

function directory(t: ExecutionContext): string {
  const made = mkdtempSync(join(tmpdir(), 'replay-'));
  t.teardown(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

const state = revisionOf({ internal: { subnet: '10.0.5.0/24' } }, { web: { pool: 'internal' } });

/** Recording of a controller that got a revision and was then ended by `signal`. */
async function recording(t: ExecutionContext, signal: NodeJS.Signals): Promise<string> {
  const made = directory(t);
  const record = join(made, 'device.jsonl');
  const revision = join(made, 'revision.json');
  writeFileSync(revision, JSON.stringify(state));
  const more = ['--record', record];
  const controller = await startController({ adapter: 'memory', root: join(made, 'root'), more });
  t.teardown(() => controller.stop('SIGKILL'));
  t.is((await capture(verb(controller, 'apply', revision))).code, 0);
  await controller.stop(signal);
  return record;
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`[REPLAY-1] [REPLAY-2] what run --record wrote replays, after ${signal}`, async (t) => {
    const file = await recording(t, signal);
    t.is(statSync(file).mode & 0o777, 0o600);
    const quiet = await holdfast(['replay', file]);
    t.regex(quiet.out, /^as recorded: 1 run, \d inputs in \d\.\d{3} s, 3 steps; ends DONE at revision 1\n$/);
    t.deepEqual([quiet.code, quiet.err], [0, '']);
    const { out } = await holdfast(['replay', file, '-v']);
    t.is(out.split('\n').length, 6);
    t.regex(out, /^run 1: revision 0, adapter memory, recorded by holdfast \d/);
    t.regex(
      out,
      /^ +\+\d\.\d{3}s input \d step 3 container\.start container\/web \[revision 1 → pool\/internal → /m,
    );
    const lines = (await holdfast(['replay', file, '-v', '-o', 'json'])).out.trimEnd().split('\n');
    t.like(JSON.parse(lines.at(-1) ?? ''), {
      inputs: Number(/(\d+) inputs/.exec(quiet.out)?.[1]),
      divergence: null,
    });
    t.like(JSON.parse(lines.at(-2) ?? ''), { id: 3, step: { action: 'container.start' } });
  });
}

test('[REPLAY-2] a recording that differs exits with 5 and says where', async (t) => {
  const file = await recording(t, 'SIGTERM');
  const [gateway, other] = ['"gateway":"10.0.5.1"', '"gateway":"10.0.5.77"'];
  writeFileSync(file, readFileSync(file, 'utf8').replace(gateway, other));
  const { code, out, err } = await commandLine(['replay', file]);
  t.deepEqual([code, err], [5, '']);
  t.regex(out, /^differs at input 4 \(line 5, \+\d\.\d{3}s\), after 0 steps as recorded\n/);
  t.regex(out, /\n {4}\/spec\/gateway: "10\.0\.5\.77" → "10\.0\.5\.1"\n/);
  const json = await commandLine(['replay', file, '-o', 'json']);
  t.is(json.code, 5);
  t.like(JSON.parse(json.out), { divergence: { type: 'step', run: 1, input: 4, line: 5 } });
});

test('a torn recording replays, and what was left out is said', async (t) => {
  const file = join(directory(t), 'torn.jsonl');
  writeFileSync(file, `${JSON.stringify(headerOf())}\n{"input":{"type":"start","at":1},"steps":[]}\n{"inp`);
  t.deepEqual(await commandLine(['replay', file]), {
    code: 0,
    out: 'as recorded: 1 run, 1 input in 0.000 s, 0 steps; ends INPROGRESS at revision 0\n',
    err: 'line 3 is torn, since whoever wrote it was killed: its 5 bytes are left out\n',
  });
});

test('what is no recording exits with 3 and says why', async (t) => {
  const file = join(directory(t), 'other');
  const missing = await commandLine(['replay', file]);
  t.deepEqual(
    [missing.code, missing.err],
    [3, `holdfast: ENOENT: no such file or directory, open '${file}'\n`],
  );
  writeFileSync(file, 'hello\n');
  const other = await commandLine(['replay', file]);
  t.deepEqual(
    [other.code, other.err],
    [3, `holdfast: ${file}: line 1: found no JSON object: "hello", expected a line of a recording\n`],
  );
  t.is((await commandLine(['replay', tmpdir()])).code, 3);
});

test('a controller that is to record over a foreign file does not start, and leaves it', async (t) => {
  const made = directory(t);
  const file = join(made, 'foreign');
  writeFileSync(file, 'precious\n');
  const socket = join(made, 'control.sock');
  const words = ['run', '--adapter', 'memory', '--root', join(made, 'root'), '--record', file];
  const { code, err } = await holdfast(words, { socket });
  t.is(code, 69);
  t.regex(err, /^holdfast: found a file that is no recording at /);
  t.deepEqual([readFileSync(file, 'utf8'), existsSync(socket)], ['precious\n', false]);
});

test('a recording from the field becomes a test case in one command, if it replays', async (t) => {
  const adopt = join(import.meta.dirname, '../../../tools/record/adopt.ts');
  const run = async (...words: readonly string[]) => {
    const child = spawn(process.execPath, [adopt, ...words], { stdio: 'ignore' });
    const [code] = await once(child, 'close');
    return code as number;
  };
  const file = join(directory(t), 'field.jsonl');
  const target = join(import.meta.dirname, '../../recordings/of-a-test.jsonl');
  t.teardown(() => rmSync(target, { force: true }));
  const whole = `${JSON.stringify(headerOf())}\n{"input":{"type":"start","at":1},"steps":[]}\n`;
  writeFileSync(file, `${whole}{"inp`);
  t.is(await run(file, 'of-a-test'), 0);
  t.is(readFileSync(target, 'utf8'), whole);
  t.is(await run(file, 'of-a-test'), 1, 'it is there already');
  rmSync(target);
  writeFileSync(
    file,
    whole.replace(
      '"steps":[]',
      '"steps":[{"id":1,"step":{"action":"container.stop","key":"container/web"},"cause":{"trigger":{"type":"start"},"via":[]}}]',
    ),
  );
  t.is(await run(file, 'of-a-test'), 1, 'it differs');
  t.false(existsSync(target));
  t.is(await run(file, '../escape'), 64);
});
