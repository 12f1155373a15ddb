import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { identify } from '../../../adapters/linux/process-identity.ts';
import { SupervisedProcess } from '../../../adapters/proxy/supervised-process.ts';
import { systemClock } from '../../../controller/clock.ts';

const { after } = systemClock();

/** A directory, what supervises a process there, and one that runs until it is told to end. */
function place(t: ExecutionContext) {
  const directory = join(mkdtempSync(join(tmpdir(), 'holdfast-supervised-')), 'process');
  const mark = join(directory, 'configuration');
  const another = () => new SupervisedProcess({ directory, mark, after });
  const supervised = another();
  t.teardown(async () => {
    await supervised.end(0);
    rmSync(join(directory, '..'), { recursive: true });
  });
  const argv = (script: string) => [process.execPath, '-e', script, mark];
  return { directory, supervised, another, argv };
}

const sleeper = 'setInterval(() => {}, 1e6)';

test('[ING-11] a process has a session, a directory and an environment of its own, and descriptors 0-2 alone', async (t) => {
  const { supervised, argv, directory } = place(t);
  const { pid } = await supervised.start(argv(sleeper));
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  t.deepEqual(stat.slice(2, 4), [`${pid}`, `${pid}`], 'group and session');
  t.is(readlinkSync(`/proc/${pid}/cwd`), '/');
  t.deepEqual(readFileSync(`/proc/${pid}/environ`, 'utf8').match(/^\w+(?==)|(?<=\0)\w+(?==)/g), [
    'PATH',
    'LC_ALL',
  ]);
  const ours = readdirSync(`/proc/${pid}/fd`)
    .map((entry) => readlinkSync(`/proc/${pid}/fd/${entry}`))
    .filter((target) => target.startsWith('/') && !target.startsWith('/dev/'));
  t.deepEqual([...new Set(ours)], [join(directory, 'log')]);
});

test('[ING-11] it is found again by its record, and without one by its command line', async (t) => {
  const { supervised, another, argv, directory } = place(t);
  t.is(supervised.find(), null);
  const started = await supervised.start(argv(sleeper));
  t.deepEqual(another().find(), started);
  rmSync(join(directory, 'process.json'));
  t.deepEqual(another().find(), started);
  writeFileSync(join(directory, 'process.json'), '{"pid":');
  t.deepEqual(another().find(), started);
});

test('a record of another process, or of one that has ended, is not believed', async (t) => {
  const { supervised, another, argv, directory } = place(t);
  const started = await supervised.start(argv(sleeper));
  const record = JSON.parse(readFileSync(join(directory, 'process.json'), 'utf8'));
  await supervised.end(0);
  for (const lie of [record, { ...record, ...identify(process.pid) }]) {
    writeFileSync(join(directory, 'process.json'), JSON.stringify(lie));
    t.is(another().find(), null);
    await another().end(0);
  }
  t.not(started.pid, process.pid);
  t.not(identify(process.pid), null);
});

/** Processes of others that lead a session and have the mark for a word: who starts them decides on both. */
const impostors: readonly (readonly [who: string, before: readonly string[]])[] = [
  ['of our own user', []],
  ['of another user', ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']],
];
for (const [who, before] of impostors) {
  const isPossible = before.length === 0 || process.geteuid?.() === 0;
  (isPossible ? test : test.skip)(
    `[ING-11] a process ${who} with our mark in its command line is neither found nor ended`,
    async (t) => {
      const { supervised, another, argv, directory } = place(t);
      const words = ['/bin/sh', '-c', 'echo up; read forever', join(directory, 'configuration')];
      const [program = '', ...rest] = [...before, ...words];
      const impostor = spawn(program, rest, { detached: true, stdio: ['pipe', 'pipe', 'ignore'] });
      const ended = once(impostor, 'exit');
      t.teardown(async () => {
        impostor.kill('SIGKILL');
        await ended;
      });
      await once(impostor.stdout, 'data');
      t.is(supervised.find(), null);
      const started = await supervised.start(argv(sleeper));
      rmSync(join(directory, 'process.json'));
      t.deepEqual(another().find(), started);
      await another().end(1000);
      t.is(another().find(), null);
      t.not(identify(impostor.pid ?? 0), null, 'it was ended');
    },
  );
}

test('of a process and its children, the process itself is found', async (t) => {
  const { supervised, another, argv, directory } = place(t);
  const child = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(sleeper)}, process.argv[1]]); ${sleeper}`;
  const started = await supervised.start(argv(child));
  const children = () => readFileSync(`/proc/${started.pid}/task/${started.pid}/children`, 'utf8').trim();
  while (children() === '') await new Promise((resolve) => after(5, () => resolve(null)));
  rmSync(join(directory, 'process.json'));
  t.deepEqual(another().find(), started);
  const pid = Number(children());
  await another().end(1000);
  t.is(identify(pid), null, 'the whole group is ended');
});

test('one that does not heed SIGTERM is killed, and nothing of it is left', async (t) => {
  const { supervised, argv, directory } = place(t);
  const { pid } = await supervised.start(
    argv(`process.on('SIGTERM', () => {}); console.log('up'); ${sleeper}`),
  );
  while (!readFileSync(supervised.log, 'utf8').includes('up')) {
    await new Promise((resolve) => after(5, () => resolve(null)));
  }
  await supervised.end(50);
  t.is(identify(pid), null);
  t.is(supervised.find(), null);
  t.deepEqual(readdirSync(directory), []);
  await t.notThrowsAsync(supervised.end(50));
});

test('what can not be run, or could not be found again, is said at once', async (t) => {
  const { supervised, directory } = place(t);
  await t.throwsAsync(supervised.start(['/bin/true', 'unmarked']), { instanceOf: RangeError });
  t.false(existsSync(directory));
  await t.throwsAsync(supervised.start(['/nonexistent/program', join(directory, 'configuration')]), {
    code: 'ENOENT',
  });
});

test('[ING-11] a process that becomes another program over and over is there all the while', async (t) => {
  const { supervised, another, directory } = place(t);
  const mark = join(directory, 'configuration');
  const script = 'exec /bin/sh -c "$0" "$0" "$1"';
  const started = await supervised.start(['/bin/sh', '-c', script, script, mark]);
  const other = another();
  for (let count = 0; count < 3000; count += 1) {
    if (other.find()?.pid !== started.pid) return t.fail(`not found at look ${count}`);
  }
  t.pass();
});
