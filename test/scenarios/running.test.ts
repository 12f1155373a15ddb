import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { revisionOf } from '../controller/rig.ts';
import { Device } from './device.ts';

const lan = { bridge: 'pvbr0', subnet: '10.0.5.0/24', gateway: '10.0.5.1' };
const state = revisionOf({ lan }, { web: { pool: 'lan' }, db: { pool: 'lan', static_ip: '10.0.5.9' } });

async function device(t: { teardown: (fn: () => Promise<void>) => void }): Promise<Device> {
  const made = await Device.make('memory');
  t.teardown(() => made.destroy());
  return made;
}

test('a second controller on one root is refused, whatever its socket, and the first goes on', async (t) => {
  const made = await device(t);
  await made.start();
  for (const socket of [made.socket, `${made.socket}.other`]) {
    const second = await made.cli(['run', '--adapter', 'memory', '--root', made.root], { socket });
    t.is(second.code, 69, second.stderr);
    t.regex(second.stderr, /^holdfast: .*stop the other controller/);
    t.notRegex(second.stderr, / at .*\.ts/);
  }
  t.is((await made.cli(['get', 'all'])).code, 0);
});

test('a control socket that another controller serves is refused in a line', async (t) => {
  const made = await device(t);
  await made.start();
  const second = await made.cli(['run', '--adapter', 'memory', '--root', `${made.root}.other`]);
  t.is(second.code, 69, second.stderr);
  t.regex(second.stderr, /^holdfast: .*another controller/);
  t.notRegex(second.stderr, / at .*:\d+/);
});

test('a root directory that is a link is refused with what to do', async (t) => {
  const made = await device(t);
  await mkdir(join(made.directory, 'elsewhere'));
  await symlink('elsewhere', made.root);
  const answer = await made.cli(['run', '--adapter', 'memory', '--root', made.root]);
  t.is(answer.code, 69);
  t.regex(answer.stderr, /a symbolic link at .*root, expected a directory/);
});

test('an adapter that is not there is refused by name', async (t) => {
  const made = await device(t);
  const answer = await made.cli(['run', '--adapter', 'docker', '--root', made.root]);
  t.is(answer.code, 69);
  t.regex(answer.stderr, /found --adapter docker, expected auto, lxc or memory/);
});

test('[LEASE-4] [REV-7] a killed controller comes back with revision and leases', async (t) => {
  const made = await device(t);
  await made.start();
  t.is((await made.apply(state)).code, 0);
  const addresses = async () =>
    (await made.get('leases')).map(({ name, spec }) => [name, (spec as { address: string }).address]);
  const before = await addresses();
  await made.end('SIGKILL');
  await made.start();
  const again = JSON.parse((await made.apply(state)).stdout);
  t.true(again.unchanged);
  t.is(again.revision, 1);
  t.deepEqual(await addresses(), before);
});

test('[ENG-5] a plan without a controller makes nothing, not even its root', async (t) => {
  const made = await device(t);
  const argv = ['plan', '-', '-o', 'json', '--adapter', 'memory', '--root', made.root];
  const plan = await made.cli(argv, { input: JSON.stringify(state) });
  t.is(plan.code, 2);
  t.is(JSON.parse(plan.stdout).steps.length, 5);
  t.is((await made.run('ls', made.directory)).stdout, '');
});

test('[REV-3] a patch and a merge patch through the command line make new revisions', async (t) => {
  const made = await device(t);
  await made.start();
  await made.apply(state);
  const operations = [{ op: 'replace', path: '/db~1run.json/network/static_ip', value: '10.0.5.10' }];
  const patched = await made.cli(['patch', '-', '-o', 'json'], { input: JSON.stringify(operations) });
  t.deepEqual([patched.code, JSON.parse(patched.stdout).revision], [0, 2]);
  const merge = { 'web/run.json': null };
  const merged = await made.cli(['patch', '-', '--merge', '-o', 'json'], { input: JSON.stringify(merge) });
  t.deepEqual([merged.code, JSON.parse(merged.stdout).revision], [0, 3]);
  t.deepEqual(
    (await made.get('all')).map(({ key }) => key),
    ['pool/lan', 'lease/lan/db/eth0', 'container/db'],
  );
  t.is((await made.get('leases'))[0]?.name, 'lan/db/eth0');
});

test('a watched directory is applied, and applied again when it changes', async (t) => {
  const made = await device(t);
  const run = (name: string) =>
    JSON.stringify({ name, type: 'lxc', 'root-volume': 'dir:/srv/root', network: { pool: 'lan' } });
  await made.write('source/device.json', JSON.stringify({ network: { pools: { lan } } }));
  await made.write('source/web/run.json', run('web'));
  await made.start('--source', join(made.directory, 'source'));
  await made.controller.logged((line) => line.key === 'container/web' && line.reason === 'Ready');
  await made.write('source/db/run.json', run('db'));
  await made.controller.logged((line) => line.key === 'container/db' && line.reason === 'Ready');
  t.deepEqual((await made.get('containers')).map(({ name }) => name).sort(), ['db', 'web']);
});

test('down takes everything away, and stopping the controller does not', async (t) => {
  const made = await device(t);
  await made.start();
  await made.apply(state);
  const down = await made.cli(['down', '-o', 'json']);
  t.is(down.code, 0);
  t.deepEqual(await made.get('all'), []);
});
