import { join } from 'node:path';
import test from 'ava';
import type { Json } from '../../state/json.ts';
import { inits, makeBusyboxRoot } from '../lab/busybox-root.ts';
import { Device } from './device.ts';

/** Real LXC, real bridges and rules: only inside a lab (test/lab/lab.ts), never in the machine's own network. */
const inLab = process.env.HOLDFAST_LAB === '1' ? test.serial : test.serial.skip;

const pools = {
  internal: { type: 'bridge', bridge: 'pvbr0', subnet: '10.0.5.0/24', gateway: '10.0.5.1', nat: true },
  dmz: { type: 'bridge', bridge: 'pvbr1', subnet: '10.0.6.0/24', gateway: '10.0.6.1' },
};

/** A device with a running controller, and busybox roots that sleep and that serve. */
async function device(t: { teardown: (fn: () => Promise<void>) => void }) {
  const made = await Device.make('lxc');
  t.teardown(() => made.destroy());
  const sleep = await makeBusyboxRoot(join(made.directory, 'sleep'), inits.graceful);
  const httpd = await makeBusyboxRoot(join(made.directory, 'httpd'), inits.httpd);
  await made.start();
  const container = (name: string, network: Json, root: string = sleep, more: object = {}) => ({
    [`${name}/run.json`]: {
      '#spec': 'service-manifest-run@1',
      name,
      type: 'lxc',
      'root-volume': `dir:${root}`,
      network,
      ...more,
    },
  });
  const state = (network: object, ...containers: readonly object[]) =>
    Object.assign({ '#spec': 'pantavisor-service-system@1', 'device.json': { network } }, ...containers);
  return { made, container, state, httpd };
}

inLab(
  '[POOL-5] [POOL-8] [CTR-5] two pools, one with NAT: names resolve within a pool, and pools are apart',
  async (t) => {
    const { made, container, state, httpd } = await device(t);
    const containers = [
      container('server', { pool: 'internal', hostname: 'www' }, httpd),
      container('client', { pool: 'internal' }),
      container('other', { pool: 'dmz' }),
    ];
    t.is((await made.apply(state({ pools }, ...containers))).code, 0);
    const rules = (await made.run('nft', 'list', 'ruleset')).stdout;
    t.is(rules.match(/masquerade/g)?.length, 1);
    for (const name of ['server', 'www']) {
      t.is((await made.inside('client', 'wget', '-qO-', `http://${name}:8080/`)).stdout, 'hello from www\n');
    }
    t.not(
      (await made.inside('other', 'ping', '-c1', '-W1', 'server')).code,
      0,
      'the name is not known there',
    );
    t.not(
      (await made.inside('other', 'ping', '-c1', '-W1', '10.0.5.2')).code,
      0,
      'the address is not reached',
    );
    t.is((await made.apply(state({ pools, isolation: 'none' }, ...containers))).code, 0);
    t.is((await made.inside('other', 'ping', '-c1', '-W1', '10.0.5.2')).code, 0);
  },
);

inLab('[POOL-7] a container of a macvlan pool has an interface on the parent', async (t) => {
  const { made, container, state } = await device(t);
  t.is((await made.run('ip', 'link', 'add', 'uplink0', 'type', 'veth', 'peer', 'uplink1')).code, 0);
  t.teardown(async () => {
    await made.run('ip', 'link', 'del', 'uplink0');
  });
  await made.run('ip', 'link', 'set', 'uplink0', 'up');
  const lan = { type: 'macvlan', parent: 'uplink0', subnet: '10.0.9.0/24', gateway: '10.0.9.1' };
  t.is((await made.apply(state({ pools: { lan } }, container('web', { pool: 'lan' })))).code, 0);
  const inside = (await made.inside('web', 'ip', '-o', 'addr', 'show', 'dev', 'eth0')).stdout;
  t.regex(inside, /inet 10\.0\.9\.2\/24/);
  const pid = (await made.pids()).web ?? 0;
  const link = (await made.run('nsenter', `--net=/proc/${pid}/ns/net`, 'ip', '-d', 'link', 'show', 'eth0'))
    .stdout;
  t.regex(link, /macvlan mode bridge/);
  t.regex(link, /02:00:0a:00:09:02/);
});

inLab('[CTR-7] a changed run manifest restarts that container alone', async (t) => {
  const { made, container, state } = await device(t);
  const web = container('web', { pool: 'internal' });
  t.is((await made.apply(state({ pools }, web, container('db', { pool: 'internal' })))).code, 0);
  const before = await made.pids();
  t.is(
    (await made.apply(state({ pools }, web, container('db', { pool: 'internal', hostname: 'store' })))).code,
    0,
  );
  const after = await made.pids();
  t.is(after.web, before.web);
  t.not(after.db, before.db);
  t.is((await made.inside('db', 'cat', '/proc/sys/kernel/hostname')).stdout, 'store\n');
});

inLab(
  '[POOL-4] [POOL-6] a removed pool leaves no bridge and no rule, and an adopted bridge survives',
  async (t) => {
    const { made, container, state } = await device(t);
    await made.run('ip', 'link', 'add', 'lxcbr9', 'type', 'bridge');
    t.teardown(async () => {
      await made.run('ip', 'link', 'del', 'lxcbr9');
    });
    await made.run('ip', 'addr', 'add', '192.168.77.1/24', 'dev', 'lxcbr9');
    const guest = { bridge: 'lxcbr9', subnet: '10.0.7.0/24', gateway: '10.0.7.1', nat: true };
    t.is(
      (await made.apply(state({ pools: { ...pools, guest } }, container('web', { pool: 'guest' })))).code,
      0,
    );
    t.is((await made.apply(state({ pools: { dmz: pools.dmz } }))).code, 0);
    const links = (await made.run('ip', '-br', 'addr')).stdout;
    t.notRegex(links, /pvbr0/);
    t.regex(links, /pvbr1/);
    t.regex(links, /lxcbr9.*192\.168\.77\.1\/24/);
    t.notRegex(links, /10\.0\.7\.1/);
    t.notRegex((await made.run('nft', 'list', 'ruleset')).stdout, /masquerade|pvbr0|lxcbr9/);
  },
);

inLab(
  '[CTR-9] [ENG-1] a killed controller stops no container, and takes no step when it is back',
  async (t) => {
    const { made, container, state } = await device(t);
    await made.apply(
      state({ pools }, container('web', { pool: 'internal' }), container('db', { pool: 'dmz' })),
    );
    const before = await made.pids();
    await made.end('SIGKILL');
    for (const pid of Object.values(before)) t.is((await made.run('kill', '-0', String(pid))).code, 0);
    await made.start();
    t.is((await made.cli(['events'])).code, 0);
    const outcome = await made.apply(
      state({ pools }, container('web', { pool: 'internal' }), container('db', { pool: 'dmz' })),
    );
    t.true(JSON.parse(outcome.stdout).unchanged);
    t.deepEqual(await made.pids(), before);
    t.false(made.log.some((line) => line.includes('"reason":"StepDone"')));
  },
);

inLab(
  '[ENG-2] a deleted bridge, flushed rules and a killed container are repaired, each with its event',
  async (t) => {
    const { made, container, state, httpd } = await device(t);
    await made.apply(
      state(
        { pools },
        container('server', { pool: 'internal' }, httpd),
        container('client', { pool: 'internal' }),
      ),
    );
    const repaired = async (key: string, disturb: readonly [string, ...string[]]) => {
      const drifted = await made.event((event) => event.key === key && event.reason === 'DriftDetected');
      const ready = await made.event((event) => event.key === key && event.reason === 'Ready');
      const from = performance.now();
      t.is((await made.run(...disturb)).code, 0);
      await drifted();
      await ready();
      t.log(`${disturb.join(' ')}: ${Math.round(performance.now() - from)} ms`);
    };
    await repaired('pool/internal', ['ip', 'link', 'del', 'pvbr0']);
    t.is((await made.inside('client', 'wget', '-qO-', 'http://server:8080/')).stdout, 'hello from server\n');
    await repaired('pool/internal', ['nft', 'flush', 'ruleset']);
    t.regex((await made.run('nft', 'list', 'ruleset')).stdout, /masquerade/);
    const pid = String((await made.pids()).client);
    await repaired('container/client', ['kill', '-9', pid]);
    t.is((await made.inside('client', 'wget', '-qO-', 'http://server:8080/')).stdout, 'hello from server\n');
  },
);

inLab('[ENG-5] a plan touches no link, no rule, no process and no file', async (t) => {
  const { made, container, state } = await device(t);
  await made.apply(state({ pools }, container('web', { pool: 'internal' })));
  // The database keeps events; how nft spells the rules is noted once they have been still for a while.
  const untold = ['holdfast.db*', 'run', 'run/rules.json'].flatMap((path) => [
    '-not',
    '-path',
    join(made.root, path),
  ]);
  const look = async () => ({
    links: (await made.run('ip', '-4', '-br', 'addr')).stdout,
    ports: (await made.run('bridge', 'link')).stdout,
    rules: (await made.run('nft', 'list', 'ruleset')).stdout,
    forwarding: (await made.run('cat', '/proc/sys/net/ipv4/ip_forward')).stdout,
    containers: (await made.run('lxc-ls', '-P', `${made.root}/lxc`, '-f', '-F', 'NAME,STATE,PID')).stdout,
    files: (await made.run('find', made.root, ...untold, '-printf', '%p %s %T@\n')).stdout,
  });
  const next = state({ pools: { dmz: pools.dmz } }, container('web', { pool: 'dmz' }));
  const before = await look();
  const plan = await made.cli(['plan', '-', '-o', 'json'], { input: JSON.stringify(next) });
  t.is(plan.code, 2);
  t.deepEqual(
    JSON.parse(plan.stdout)
      .steps.map((step: { action: string; key: string }) => `${step.action} ${step.key}`)
      .sort(),
    [
      'container.start container/web',
      'container.stop container/web',
      'lease.release lease/internal/web/eth0',
      'lease.reserve lease/dmz/web/eth0',
      'pool.remove pool/internal',
    ],
  );
  t.deepEqual(await look(), before);
});
