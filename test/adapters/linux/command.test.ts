import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { lastValueFrom, take, toArray } from 'rxjs';
import { CommandError, findProgram, lines, run } from '../../../adapters/linux/command.ts';
import { inheritedDescriptors } from '../../../adapters/linux/inherited-descriptors.ts';

test('a command gets its arguments as they are, and its input', async (t) => {
  const hostile = '$(id); `id` "\'\n*';
  t.is((await run(['printf', '%s', hostile])).stdout, hostile);
  t.is((await run(['cat'], { input: hostile })).stdout, hostile);
});

test('[CTR-9] nothing of our environment and none of our descriptors reach a command', async (t) => {
  const { stdout } = await run(['env'], { env: { LANG: 'C' } });
  const names = stdout
    .trim()
    .split('\n')
    .map((line) => line.split('=')[0]);
  t.deepEqual(names.toSorted(), ['LANG', 'LC_ALL', 'PATH']);
  const given = inheritedDescriptors().map(String);
  const descriptors = (await run(['ls', '/proc/self/fd'])).stdout.trim().split('\n');
  t.deepEqual(
    descriptors.filter((descriptor) => !given.includes(descriptor)),
    ['0', '1', '2', '3'],
    '3 is the directory that ls reads',
  );
  t.is((await run(['pwd'])).stdout, '/\n');
});

test('[CTR-9] descriptors that a program was started with are closed, so that its children get none', (t) => {
  const module = join(import.meta.dirname, '../../../adapters/linux/inherited-descriptors.ts');
  const script = `
    import { closeInheritedDescriptors, inheritedDescriptors } from ${JSON.stringify(module)};
    const before = inheritedDescriptors();
    closeInheritedDescriptors();
    process.stdout.write(JSON.stringify([before.includes(30), inheritedDescriptors()]));
  `;
  const gap = Array.from({ length: 27 }, () => 'ignore' as const);
  const stdio = ['ignore', 'pipe', 'pipe', ...gap, 'pipe'] as const;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    stdio: [...stdio],
    encoding: 'utf8',
  });
  t.is(child.stdout, '[true,[]]', child.stderr);
});

test('a command that fails says what was run, how it ended and what it said', async (t) => {
  const error = await t.throwsAsync(run(['sh', '-c', 'echo out; echo first >&2; echo last >&2; exit 7']), {
    instanceOf: CommandError,
  });
  t.like(error, { exitCode: 7, signal: null, stdout: 'out\n', log: ['first', 'last'] });
  t.regex(error?.message ?? '', /^'sh -c .*' exited with 7: first\nlast$/);
  const killed = await t.throwsAsync(run(['sh', '-c', 'kill -9 $$']), { instanceOf: CommandError });
  t.like(killed, { exitCode: null, signal: 'SIGKILL' });
});

test('a program that is not installed is a failure that names it', async (t) => {
  t.is(findProgram('no-such-program'), null);
  const error = await t.throwsAsync(run(['no-such-program']), { instanceOf: CommandError });
  t.regex(error?.message ?? '', /found no program 'no-such-program' in \/usr/);
});

test('an aborted command is killed and rejects with the reason', async (t) => {
  const controller = new AbortController();
  let pid = 0;
  const running = run(['sleep', '60'], {
    signal: controller.signal,
    onSpawn: (spawned) => {
      pid = spawned;
    },
  });
  controller.abort(new Error('enough'));
  await t.throwsAsync(running, { message: 'enough' });
  t.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});

test('a command that does not read its input fails by its own exit code', async (t) => {
  await t.throwsAsync(run(['sh', '-c', 'exit 3'], { input: 'x'.repeat(1_000_000) }), {
    message: /exited with 3/,
  });
});

test('lines come one by one, and unsubscribing ends the command', async (t) => {
  let pid = 0;
  const onSpawn = (spawned: number) => {
    pid = spawned;
  };
  const first = lines(['sh', '-c', 'echo one; echo two; exec sleep 60'], { onSpawn }).pipe(
    take(2),
    toArray(),
  );
  t.deepEqual(await lastValueFrom(first), ['one', 'two']);
  while (isAlive(pid)) await new Promise((resolve) => setImmediate(resolve));
  t.false(isAlive(pid));
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('lines complete with exit code 0 and error with any other; complaints are told', async (t) => {
  t.deepEqual(await lastValueFrom(lines(['printf', 'a\nb']).pipe(toArray())), ['a', 'b']);
  const complaints: string[] = [];
  const onComplaint = (line: string) => complaints.push(line);
  const failing = lastValueFrom(lines(['sh', '-c', 'echo oh >&2; exit 4'], { onComplaint }).pipe(toArray()));
  await t.throwsAsync(failing, { instanceOf: CommandError, message: /exited with 4: oh/ });
  t.deepEqual(complaints, ['oh']);
});
