import { join } from 'node:path';
import test from 'ava';
import type { Json } from '../../state/json.ts';
import { inits, makeBusyboxRoot } from '../lab/busybox-root.ts';
import { Device } from './device.ts';

/** The three IPAM scenarios of Pantavisor's examples, through the command line on real LXC. */
const inLab = process.env.HOLDFAST_LAB === '1' ? test.serial : test.serial.skip;

const device = {
  network: {
    pools: {
      internal: { type: 'bridge', bridge: 'br0', subnet: '10.0.3.0/24', gateway: '10.0.3.1', nat: true },
    },
  },
  groups: [
    { name: 'root', restart_policy: 'system', status_goal: 'STARTED', timeout: 30 },
    { name: 'platform', restart_policy: 'system', status_goal: 'STARTED', timeout: 30 },
    { name: 'app', restart_policy: 'container', status_goal: 'STARTED', timeout: 30 },
  ],
};

/** The two spellings of the same wish in `args.json` (REV-4, REV-5). */
const spellings: readonly (readonly [string, (address: string) => Json])[] = [
  ['network', (address) => ({ network: { pool: 'internal', static_ip: address } })],
  ['PV_NETWORK_*', (address) => ({ PV_NETWORK_POOL: 'internal', PV_NETWORK_IP: address })],
];

async function running(t: { teardown: (fn: () => Promise<void>) => void }) {
  const made = await Device.make('lxc');
  t.teardown(() => made.destroy());
  const root = await makeBusyboxRoot(join(made.directory, 'root-of-all'), inits.graceful);
  await made.start();
  const example = (name: string, args: Json) => ({
    [`pv-example-ipam-${name}/run.json`]: {
      '#spec': 'service-manifest-run@1',
      name: `pv-example-ipam-${name}`,
      type: 'lxc',
      'root-volume': `dir:${root}`,
    },
    [`pv-example-ipam-${name}/args.json`]: args,
  });
  const states = async () => {
    const { stdout } = await made.run('lxc-ls', '-P', join(made.root, 'lxc'), '-f', '-F', 'NAME,STATE,IPV4');
    return stdout
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/).slice(0, 3).join(' '));
  };
  return { made, example, states };
}

const refusal = (address: string) =>
  `failed to reserve static IP ${address} (already in use or outside subnet), refusing to start`;

for (const [spelling, args] of spellings) {
  inLab(`[LEASE-5] [REV-4] a valid static address by ${spelling} runs, and the log says so`, async (t) => {
    const { made, example, states } = await running(t);
    const answer = await made.apply({ 'device.json': device, ...example('valid', args('10.0.3.50')) });
    t.is(answer.code, 0, answer.stdout);
    t.deepEqual(await states(), ['pv-example-ipam-valid RUNNING 10.0.3.50']);
    t.true(
      made.log.some((line) => line.includes("platform 'pv-example-ipam-valid' using static IP 10.0.3.50")),
    );
  });

  inLab(
    `[LEASE-5] [ENG-8] an address outside the subnet by ${spelling} is not started, with that error`,
    async (t) => {
      const { made, example, states } = await running(t);
      const answer = await made.apply({
        'device.json': device,
        ...example('invalid', args('192.168.99.100')),
      });
      t.is(answer.code, 1);
      t.deepEqual(await states(), []);
      t.true(made.log.some((line) => line.includes(refusal('192.168.99.100'))));
      const why = await made.cli(['describe', 'container', 'pv-example-ipam-invalid']);
      t.true(why.stdout.split('\n')[0]?.includes(refusal('192.168.99.100')), why.stdout);
    },
  );

  inLab(
    `[LEASE-5] [LEASE-7] of two containers with one address by ${spelling} the first runs and restarts`,
    async (t) => {
      const { made, example, states } = await running(t);
      const answer = await made.apply({
        'device.json': device,
        ...example('valid', args('10.0.3.50')),
        ...example('collision', args('10.0.3.50')),
      });
      t.is(answer.code, 1);
      t.deepEqual(await states(), ['pv-example-ipam-valid RUNNING 10.0.3.50']);
      const [refused] = JSON.parse(answer.stdout).problems;
      t.regex(refused.why, /already in use/);
      const key = 'container/pv-example-ipam-valid';
      const back = await made.event((event) => event.key === key && event.reason === 'Ready');
      await made.run('kill', '-9', String((await made.pids())['pv-example-ipam-valid']));
      await back();
      t.deepEqual(await states(), ['pv-example-ipam-valid RUNNING 10.0.3.50']);
    },
  );
}
