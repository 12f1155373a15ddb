import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { event, waitingWeb, webItems } from '../fixtures.ts';
import { outcomeOf } from '../scripted-service.ts';
import { privateDirectory, served } from '../served.ts';
import { holdfast, launcher } from './command.ts';

const poolRevision = JSON.stringify({
  'device.json': { network: { pools: { internal: { subnet: '10.0.5.0/24' } } } },
  '#spec': 'pantavisor-service-system@1',
});
const counts = { ready: 3, waiting: 0, blocked: 0, failed: 0 };
const finding = {
  severity: 'error',
  code: 'BadSubnet',
  pointer: '/device.json/network/pools/internal/subnet',
  found: '10.0.5.0/24',
  expected: 'something else',
  message: 'found "10.0.5.0/24", expected something else',
  hint: 'try again',
} as const;

test('get -o json prints every field of every resource that was asked for', async (t) => {
  const { service, socket } = await served(t);
  service.items = webItems;
  const { code, out, err } = await holdfast(['get', 'all', '-o', 'json'], { socket });
  t.is(err, '');
  t.is(code, 0);
  t.deepEqual(JSON.parse(out), { items: webItems });
  const [first] = (JSON.parse(out) as { items: readonly object[] }).items;
  t.deepEqual(Object.keys(first ?? {}).sort(), [
    ...['key', 'kind', 'message', 'name', 'observed', 'phase', 'reason', 'revision', 'spec'],
  ]);
});

test('get prints one aligned table for each kind, without anything of a terminal in a pipe', async (t) => {
  const { service, socket } = await served(t);
  service.items = webItems;
  const { code, out } = await holdfast(['get'], { socket, env: { FORCE_COLOR: '1' } });
  t.is(code, 0);
  t.is(
    out,
    [
      'NAME      TYPE    BRIDGE  SUBNET       GATEWAY   NAT  PHASE',
      'internal  bridge  br0     10.0.5.0/24  10.0.5.1  yes  Ready',
      '',
      'POOL      CONTAINER  INTERFACE  ADDRESS   MAC                PHASE',
      'internal  web        eth0       10.0.5.2  02:00:0a:00:05:02  Ready',
      '',
      'NAME  ADDRESS   PID   PHASE  MESSAGE',
      'web   10.0.5.2  4242  Ready  as desired',
      '',
    ].join('\n'),
  );
});

test('apply sends state and objects, waits until all is ready, and exits with 0', async (t) => {
  const { service, socket } = await served(t);
  const directory = await privateDirectory(t);
  await mkdir(join(directory, 'web'));
  await writeFile(join(directory, 'web', 'run.json'), '{"name":"web"}');
  await writeFile(join(directory, 'web', 'root.squashfs'), 'not really one');
  const accepted = outcomeOf(1, { phase: 'INPROGRESS', settled: false });
  service.onApply = () => {
    service.outcomeSubject.next(accepted);
    setImmediate(() => service.outcomeSubject.next(outcomeOf(1, { resources: counts })));
    return accepted;
  };
  const { code, out, err } = await holdfast(['apply', directory, '-o', 'json'], { socket });
  t.is(err, '');
  t.is(code, 0);
  t.like(JSON.parse(out), { revision: 1, phase: 'DONE', resources: counts, findings: [] });
  t.deepEqual([...service.objects.values()].map(String), ['not really one']);
  const [applied] = service.applied;
  t.deepEqual(applied?.options, { source: directory });
  t.like(applied?.change, { type: 'replace', state: { 'web/run.json': { name: 'web' } } });
});

test('[REV-6] apply of a refused revision exits with 3 and shows each finding with its line', async (t) => {
  const { service, socket } = await served(t);
  const file = join(await privateDirectory(t), 'state.json');
  await writeFile(file, JSON.stringify(JSON.parse(poolRevision), null, 2));
  service.onApply = () => outcomeOf(0, { phase: 'WONTGO', findings: [finding] });
  const { code, out } = await holdfast(['apply', file], { socket });
  t.is(code, 3);
  t.is(
    out,
    [
      `error BadSubnet  ${file}:6:11  ${finding.pointer}`,
      '  found "10.0.5.0/24", expected something else',
      '  hint: try again',
      'refused: 1 error; nothing was touched',
      '',
    ].join('\n'),
  );
});

test('apply of what cannot be read exits with 3 and sends nothing', async (t) => {
  const { service, socket } = await served(t);
  const { code, out } = await holdfast(['apply', '-', '-o', 'json'], { socket, input: '{"a":' });
  t.is(code, 3);
  t.like(JSON.parse(out), { phase: 'WONTGO', revision: 0 });
  t.like(JSON.parse(out).findings[0], { severity: 'error', code: 'BadJson' });
  t.deepEqual(service.applied, []);
});

test('[REV-7] apply of what is current already says so', async (t) => {
  const { service, socket } = await served(t);
  service.onApply = () => outcomeOf(7, { unchanged: true, resources: counts });
  const { code, out } = await holdfast(['apply', '-'], { socket, input: poolRevision });
  t.is(code, 0);
  t.is(out, 'revision 7 is DONE (unchanged): all 3 resources are ready\n');
});

test('[REV-3] patch sends operations, or with --merge a merge patch', async (t) => {
  const { service, socket } = await served(t);
  const operations = '[{"op":"remove","path":"/web~1run.json"}]';
  t.is((await holdfast(['patch', '-'], { socket, input: operations })).code, 0);
  t.is((await holdfast(['patch', '--merge', '-'], { socket, input: '{"a":null}' })).code, 0);
  t.deepEqual(
    service.applied.map(({ change }) => change),
    [
      { type: 'patch', operations: [{ op: 'remove', path: '/web~1run.json' }] },
      { type: 'merge', patch: { a: null } },
    ],
  );
  t.is((await holdfast(['patch', '-'], { socket, input: 'nonsense' })).code, 3);
  const object = await holdfast(['patch', '-'], { socket, input: '{"a":null}' });
  t.is(object.code, 3);
  t.regex(object.err, /found an object, expected an array of operations.*\nhint: with --merge/);
  const array = await holdfast(['patch', '--merge', '-'], { socket, input: operations });
  t.deepEqual([array.code, /expected an object: a merge patch/.test(array.err)], [3, true]);
  t.is(service.applied.length, 2);
});

test('[ENG-5] plan exits with 2 when there are steps, 0 when there are none, 3 when the revision is invalid', async (t) => {
  const { service, socket } = await served(t);
  const ask = () => holdfast(['plan', '-', '-o', 'json'], { socket, input: poolRevision });
  const none = await ask();
  t.is(none.code, 0);
  t.deepEqual(JSON.parse(none.out), { steps: [], findings: [], problems: [] });
  const steps = [{ action: 'pool.ensure', key: 'pool/internal', digest: 'd' }] as const;
  service.planOutcome = { steps, findings: [], problems: [] };
  const some = await ask();
  t.is(some.code, 2);
  t.deepEqual(JSON.parse(some.out).steps, steps);
  service.planOutcome = { steps: [], findings: [finding], problems: [] };
  t.is((await ask()).code, 3);
  t.deepEqual(service.applied, []);
});

test('[REV-6] validate -o json prints ok and findings, and exits with 0 or 3, without a controller', async (t) => {
  const good = await holdfast(['validate', '-', '-o', 'json'], { input: poolRevision });
  t.deepEqual([good.code, JSON.parse(good.out)], [0, { ok: true, findings: [] }]);
  const bad = await holdfast(['validate', '-', '-o', 'json'], {
    input: poolRevision.replace('10.0.5.0/24', '10.0.5.0/abc'),
  });
  t.is(bad.code, 3);
  const { ok, findings } = JSON.parse(bad.out) as { ok: boolean; findings: readonly object[] };
  t.false(ok);
  t.like(findings[0], { severity: 'error', pointer: finding.pointer, found: '10.0.5.0/abc' });
  for (const member of ['severity', 'code', 'pointer', 'found', 'expected', 'message']) {
    t.true(member in (findings[0] ?? {}), member);
  }
});

test('down waits until nothing is left', async (t) => {
  const { service, socket } = await served(t);
  service.onApply = () => outcomeOf(8);
  const { code, out } = await holdfast(['down'], { socket });
  t.is(code, 0);
  t.is(out, 'revision 8 is DONE: nothing is wanted and nothing is there\n');
});

test('the first line of describe says why, down to the root cause', async (t) => {
  const { service, socket } = await served(t);
  service.items = [waitingWeb];
  service.descriptions = new Map([['container/web', waitingWeb]]);
  const { code, out } = await holdfast(['describe', 'container', 'web'], { socket });
  t.is(code, 0);
  t.is(
    out.split('\n')[0],
    'container/web is Waiting: pool/internal is Blocked: the subnet 10.0.5.0/24 is a route of this host already',
  );
  const json = await holdfast(['describe', 'container/web', '-o', 'json'], { socket });
  t.deepEqual(JSON.parse(json.out), waitingWeb);
});

test('events are printed in order, and with -f new ones follow until the controller goes', async (t) => {
  const { service, socket, close } = await served(t);
  service.kept = [event(1)];
  const child = spawn(launcher, ['events', '-f', '-o', 'json', '--socket', socket]);
  const ended = once(child, 'close');
  let err = '';
  child.stderr.on('data', (part) => {
    err += part;
  });
  const [first] = await once(child.stdout, 'data');
  t.deepEqual(JSON.parse(String(first)), event(1));
  service.eventSubject.next(event(2));
  const [second] = await once(child.stdout, 'data');
  t.deepEqual(JSON.parse(String(second)), event(2));
  await close();
  t.is((await ended)[0], 6);
  t.regex(err, /the controller at .* has gone away/);
});

test('get -w -o json prints every change as a line', async (t) => {
  const { service, socket } = await served(t);
  service.items = webItems.slice(2);
  const child = spawn(launcher, ['get', 'containers', '-w', '-o', 'json', '--socket', socket]);
  const ended = once(child, 'close');
  const [first] = await once(child.stdout, 'data');
  t.deepEqual(JSON.parse(String(first)), { key: 'container/web', item: webItems[2] });
  service.changeSubject.next({ key: 'container/web', item: null });
  const [second] = await once(child.stdout, 'data');
  t.deepEqual(JSON.parse(String(second)), { key: 'container/web', item: null });
  child.kill('SIGINT');
  t.deepEqual(await ended, [null, 'SIGINT']);
});

test('a reader that closes the pipe ends the program quietly', async (t) => {
  const { service, socket } = await served(t);
  service.kept = [event(1)];
  const child = spawn(launcher, ['events', '-f', '--socket', socket]);
  const ended = once(child, 'close');
  let err = '';
  child.stderr.on('data', (part) => {
    err += part;
  });
  await once(child.stdout, 'data');
  const closed = once(child.stdout, 'close');
  child.stdout.destroy();
  await closed;
  t.true(service.eventSubject.observed);
  service.eventSubject.next(event(2));
  t.is((await ended)[0], 141);
  t.is(err, '');
});

test('without a controller the message says what to do and the exit code is 6', async (t) => {
  const socket = join(await privateDirectory(t), 'none.sock');
  const { code, out, err } = await holdfast(['get'], { socket });
  t.is(code, 6);
  t.is(out, '');
  t.regex(err, /no controller at .*none\.sock: there is no such socket\nhint: is it running\?/);
});

test('version names the controller where one answers, and does without where none does', async (t) => {
  const { socket } = await served(t);
  const { out } = await holdfast(['version', '-o', 'json'], { socket });
  t.like(JSON.parse(out), { node: process.versions.node, controller: { api: 'v1', adapter: 'scripted' } });
  const alone = await holdfast(['version', '-o', 'json'], { socket: `${socket}.none` });
  t.is(alone.code, 0);
  t.like(JSON.parse(alone.out), { controller: null });
});

test('the launcher finds its home through symbolic links, relative and absolute', async (t) => {
  const directory = await privateDirectory(t);
  await symlink(launcher, join(directory, 'absolute'));
  await symlink('absolute', join(directory, 'relative'));
  for (const [command, cwd] of [
    [join(directory, 'relative'), '/'],
    ['./relative', directory],
  ] as const) {
    const child = spawn(command, ['--version'], { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
    t.is((await once(child, 'close'))[0], 0);
  }
});

test('options for Node that somebody has planted in the environment have no effect', async (t) => {
  const planted = join(await privateDirectory(t), 'planted.cjs');
  await writeFile(planted, 'process.exit(99)');
  const { code } = await holdfast(['--version'], {
    env: { NODE_OPTIONS: `--require ${planted}`, LD_PRELOAD: '/nowhere.so', NODE_COMPILE_CACHE: '/nowhere' },
  });
  t.is(code, 0);
});
