import test, { type ExecutionContext } from 'ava';
import { until } from './ingress-device.ts';
import { idle, LinkDevice, linkFacts, saying } from './link-device.ts';
import { type Part, stateOf } from './states.ts';

/**
 * Device nodes of one container in another, on real LXC. This machine has no graphics card: /dev/fuse stands in for one, which can be opened by
 * whoever is allowed to.
 */
const inLab = process.env.HOLDFAST_LAB === '1' ? test.serial : test.serial.skip;

const card = '/dev/dri/card0';
const numbers = { major: 10, minor: 229 };
const provides = [{ name: 'drm-master', type: 'drm', socket: card }];
const needs: Part = { name: 'drm-master', target: card };

/** Makes the provider's node, and does nothing after that. */
function withNode(node: string): string {
  return `mkdir -p /dev/dri\nmknod ${card} ${node}\n${idle}`;
}

const fuse = `c ${numbers.major} ${numbers.minor}`;
const allowsFuse = `lxc.cgroup.devices.allow = ${fuse.replace(/ (\d+)$/, ':$1')} rwm\nlxc.cgroup2.devices.allow = ${fuse.replace(/ (\d+)$/, ':$1')} rwm\n`;

async function running(t: ExecutionContext) {
  const device = await LinkDevice.make(t);
  const configuration = await device.object(allowsFuse);
  const provider = await device.container('provider', withNode(fuse), { provides, configuration });
  const master = await device.container('master', idle);
  const neighbour = await device.container('neighbour', idle);
  await device.made.start();
  const apply = (requires: readonly Part[]) =>
    device.made.apply(stateOf({}, {}, provider, saying(master, 'master', { requires }), neighbour));
  return { made: device.made, device, apply, provider };
}

/** What comes of opening a node for reading and writing in a container: `opened`, or why not. */
async function opening({ made }: LinkDevice, container: string, node: string): Promise<string> {
  const { code, stderr } = await made.inside(container, 'sh', '-c', `exec 3<>${node}`);
  return code === 0 ? 'opened' : (/: ([^:]+)\n?$/.exec(stderr)?.[1]?.trim() ?? stderr);
}

const forbidden = 'Operation not permitted';

inLab(
  '[LINK-7] a device opens for the one container that it is linked to, as long as it is: not before, not after, and not for its neighbour',
  async (t) => {
    const { made, device, apply } = await running(t);
    t.is((await apply([])).code, 0);
    // Anybody may make a node of his own: what it opens is another matter.
    const own = '/run/own';
    for (const container of ['master', 'neighbour', 'provider'])
      t.is((await made.inside(container, 'sh', '-c', `mkdir -p /run; mknod ${own} ${fuse}`)).code, 0);
    t.is(await opening(device, 'provider', card), 'opened');
    t.is(await opening(device, 'master', own), forbidden);

    const answer = await apply([needs]);
    t.is(answer.code, 0, answer.stdout);
    const link = async () => (await made.get('links'))[0];
    await until('the link is there', async () => (await link())?.phase === 'Ready');
    t.is(linkFacts(await link())?.device, `${numbers.major}:${numbers.minor}`);
    const { stdout } = await made.inside('master', 'stat', '-c', '%F %t:%T', card);
    t.is(stdout, `character special file ${numbers.major.toString(16)}:${numbers.minor.toString(16)}\n`);
    t.is(await opening(device, 'master', card), 'opened');
    t.is(await opening(device, 'neighbour', own), forbidden);

    t.is((await apply([])).code, 0);
    t.is(await opening(device, 'master', card), 'nonexistent directory');
    t.is(await opening(device, 'master', own), forbidden);
    t.is(await opening(device, 'provider', card), 'opened');
    t.is((await made.inside('master', 'ls', '/dev/dri')).code, 1, 'nor the directory that was made for it');
  },
);

inLab(
  '[LINK-7] [LINK-10] a device follows its two containers: a consumer that is started anew has it again, and it goes while there is no provider',
  async (t) => {
    const { made, device, apply } = await running(t);
    t.is((await apply([needs])).code, 0);
    const opens = (container: string) => async () => (await opening(device, container, card)) === 'opened';
    await until('the link is there', opens('master'));
    for (const container of ['master', 'provider'] as const) {
      const before = (await made.pids())[container];
      await made.run('kill', '-9', String(before));
      await until('it runs again', async () => {
        const now = (await made.pids())[container];
        return now !== 0 && now !== before;
      });
      t.log(`${container} was killed, usable again: ${await until('it opens', opens('master'))} ms`);
    }
  },
);

inLab(
  '[LINK-7] [ENG-8] what is no device, or one that its provider may not open itself, is refused, and says so',
  async (t) => {
    const device = await LinkDevice.make(t);
    const { made } = device;
    const client = await device.container('client', idle, { requires: [needs] });
    const providers = {
      LinkDeviceRefused: await device.container('memory', withNode('c 1 1'), { provides }),
      LinkSourceRefused: await device.container('file', `mkdir -p /dev/dri\necho >${card}\n${idle}`, {
        provides,
      }),
    };
    await made.start();
    for (const [code, provider] of Object.entries(providers)) {
      const answer = await made.cli(['apply', '-'], {
        input: JSON.stringify(stateOf({}, {}, provider, client)),
      });
      t.is(answer.code, 1, answer.stdout);
      for (const named of [code, card]) t.true(answer.stdout.includes(named), `${named}: ${answer.stdout}`);
    }
  },
);
