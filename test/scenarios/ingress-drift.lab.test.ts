import { readFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { ingressTableName, instanceOf } from '../../adapters/linux/mark.ts';
import type { Key } from '../../state/resource.ts';
import type { Device } from './device.ts';
import { ingressDevice, type ProxyName, proxyOf, rule, statusOf, until } from './ingress-device.ts';
import { openBytes } from './open-streams.ts';

/** What others do to ingress is seen and made good, without anybody asking. */
const inLab = process.env.HOLDFAST_LAB === '1' ? test.serial : test.serial.skip;

const rules = [
  rule('site', 'http', ':80/site', 'site'),
  rule('api', 'http', ':80/api', 'api'),
  rule('raw', 'tcp', ':9000', 'echo'),
];

async function echoes(t: ExecutionContext, host: string, port: number): Promise<boolean> {
  try {
    const connection = await openBytes(t, host, port);
    return (await connection.say('hello')) === 'hello';
  } catch {
    return false;
  }
}

/** True when every rule is served: by the kernel and by the proxy, to a socket and to an address. */
async function allServed(t: ExecutionContext): Promise<boolean> {
  const statuses = ['http://127.0.0.1/site', 'http://[::1]/site', 'http://127.0.0.1/api'].map(statusOf);
  const connections = ['127.0.0.1', '::1'].map((host) => echoes(t, host, 9000));
  return (
    (await Promise.all(statuses)).every((status) => status === 200) &&
    (await Promise.all(connections)).every((echoed) => echoed)
  );
}

async function mainProcess(made: Device, proxy: ProxyName): Promise<number> {
  const { pid } = (await proxyOf(made, proxy)) ?? { pid: 0 };
  return pid;
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids) process.kill(pid, 'SIGKILL');
}

/** Takes something away; resolves when it is away. */
type Disturbance = (made: Device, proxy: ProxyName) => Promise<void>;

/** What it is, and the resource of which it is told. */
type Disturbed = readonly [what: string, key: Key, disturb: Disturbance];

const run =
  (...words: readonly [string, ...string[]]): Disturbance =>
  async (made) => {
    const { code, stderr } = await made.run(...words);
    if (code !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
  };

const disturbances: readonly Disturbed[] = [
  [
    'the table of rules is deleted',
    'listener/:9000',
    (made, proxy) =>
      run('nft', 'delete', 'table', 'inet', ingressTableName(instanceOf(made.root)))(made, proxy),
  ],
  ['the whole rule set is flushed', 'listener/:9000', run('nft', 'flush', 'ruleset')],
  ['the bridge is deleted', 'pool/internal', run('ip', 'link', 'del', 'pvbr0')],
  [
    'the main process of the proxy is killed',
    'listener/:80',
    async (made, proxy) => killAll([await mainProcess(made, proxy)]),
  ],
  [
    'all processes of the proxy are killed',
    'listener/:80',
    async (made, proxy) => {
      const main = await mainProcess(made, proxy);
      killAll([main, ...(await childrenOf(main))]);
    },
  ],
];

/** The other proxy has none. */
const workersKilled: Disturbed = [
  'the workers of the proxy are killed',
  'listener/:80',
  async (made, proxy) => killAll(await childrenOf(await mainProcess(made, proxy))),
];

for (const [proxy, all] of [
  ['builtin', disturbances],
  ['haproxy', [...disturbances, workersKilled]],
] as const) {
  inLab(`[ENG-2] [ING-11] ingress that others break is made good: ${proxy}`, async (t) => {
    const { made, state } = await ingressDevice(t);
    await made.start('--proxy', proxy);
    t.is((await made.apply(state(rules))).code, 0);
    await until('all is served', () => allServed(t));
    for (const [what, key, disturb] of all) {
      const newest = (await made.events()).at(-1)?.sequence ?? 0;
      await disturb(made, proxy);
      const isTold = async () =>
        (await made.events()).some(
          (event) => event.sequence > newest && event.key === key && event.reason === 'DriftDetected',
        );
      await until(`${what}: told`, isTold);
      t.log(`${what}: ${await until(what, () => allServed(t))} ms`);
      await made.atRest();
    }
  });
}
