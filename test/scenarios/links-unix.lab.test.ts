import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { addPython } from '../lab/python-root.ts';
import { hostState } from './host-state.ts';
import { until } from './ingress-device.ts';
import {
  changesSince,
  echoes,
  heard,
  idle,
  LinkDevice,
  needsRaw,
  raw,
  rawSocket,
  rawTarget,
  saying,
  supervised,
} from './link-device.ts';
import { openUnix } from './open-streams.ts';
import { container, type Part, stateOf } from './states.ts';

/** Sockets of one container in another, on real LXC: what goes through them, and what is left when they go. */
const inLab = process.env.HOLDFAST_LAB === '1' ? test.serial : test.serial.skip;

const socat = '/usr/bin/socat';

/** A device with a running controller, an echo in `server`, and `client`, which does nothing. */
async function running(t: ExecutionContext) {
  const device = await LinkDevice.make(t, socat);
  const server = await device.container('server', echoes, { provides: [raw] });
  const client = await device.container('client', idle);
  await device.made.start();
  const clientWith = (...requires: readonly Part[]) => saying(client, 'client', { requires });
  const seen = async (path: string) => LinkDevice.inside((await device.made.pids()).client, path);
  return { ...device, made: device.made, device, server, client, clientWith, seen };
}

inLab(
  "[LINK-4] bytes, a half-close, descriptors both ways and the peer's user pass as through a socket of one's own",
  async (t) => {
    const program = join(import.meta.dirname, 'link-peer.py');
    const device = await LinkDevice.make(t, (root) =>
      addPython(root, ['array', 'hashlib', 'json', 'socket', 'struct']),
    );
    const { made } = device;
    await made.run('cp', program, join(device.base, 'link-peer.py'));
    const provides = [{ name: 'peer', type: 'unix', socket: rawSocket }];
    const run = supervised(`python3 /link-peer.py serve ${rawSocket}`);
    const server = await device.container('server', run, { provides });
    const client = await device.container('client', idle, { requires: [{ name: 'peer' }] });
    await made.start();
    const answer = await made.apply(stateOf({}, {}, server, client));
    t.is(answer.code, 0, answer.stdout);

    const target = '/run/pv/services/peer.sock';
    const { client: pid } = await made.pids();
    t.true(existsSync(LinkDevice.inside(pid, target)));
    for (const user of [0, 1234]) {
      const { stdout, stderr } = await made.inside(
        'client',
        'python3',
        '/link-peer.py',
        'ask',
        target,
        String(user),
      );
      t.deepEqual(
        JSON.parse(stdout),
        {
          told: { user, said: 'hello', read: ['from the consumer', 'twice'] },
          read: ['from the provider'],
          whole: true,
        },
        stderr,
      );
    }
  },
);

inLab(
  '[LINK-10] [LINK-12] [CTR-7] a link that leaves the revision is gone when that is ready, with the file and the directories that were made for it, and nobody is restarted',
  async (t) => {
    const { made, server, client, clientWith, seen } = await running(t);
    t.is((await made.apply(stateOf({}, {}, server, client))).code, 0);
    const [before, pids] = [await hostState(made), await made.pids()];
    const other = { name: 'raw', target: '/other.sock' };
    const path = await seen(rawTarget);
    t.false(existsSync(path));

    t.is((await made.apply(stateOf({}, {}, server, clientWith(needsRaw, other)))).code, 0);
    t.is(await heard(path), 'hello', 'it is usable when it is ready');
    t.is(await heard(await seen('/other.sock')), 'hello');
    t.deepEqual(
      (await made.get('links')).map(({ name, phase }) => [name, phase]),
      [
        [`client${rawTarget}`, 'Ready'],
        ['client/other.sock', 'Ready'],
      ],
    );

    t.is((await made.apply(stateOf({}, {}, server, clientWith(other)))).code, 0);
    t.is(await heard(path), 'ENOENT');
    t.is(await heard(await seen('/other.sock')), 'hello', 'the other one is as it was');
    t.is((await made.apply(stateOf({}, {}, server, client))).code, 0);
    t.false(existsSync(await seen('/other.sock')));
    t.false(existsSync(await seen('/run/pv')), 'directories on the way, too');
    t.deepEqual(await made.pids(), pids);
    t.deepEqual(await changesSince(made, before), []);
  },
);

inLab(
  '[LINK-12] [ROLL-3] a file that is there before fails the trial and is not touched; an optional link waits, blocked, until it is gone',
  async (t) => {
    const { made, server, client, clientWith, seen } = await running(t);
    t.is((await made.apply(stateOf({}, {}, server, client))).code, 0);
    const plant = 'mkdir -p /run/pv/services && echo mine >/run/pv/services/raw.sock';
    t.is((await made.inside('client', 'sh', '-c', plant)).code, 0);
    const before = await hostState(made);
    const mine = async () => (await made.inside('client', 'cat', rawTarget)).stdout;

    const refused = await made.cli(['apply', '-'], {
      input: JSON.stringify(stateOf({}, {}, server, clientWith(needsRaw))),
    });
    t.is(refused.code, 1, refused.stdout);
    for (const named of ['LinkTargetTaken', rawTarget, 'client'])
      t.true(refused.stdout.includes(named), `${named}: ${refused.stdout}`);
    t.is((await made.history()).at(-1)?.phase, 'ERROR');
    t.is(await mine(), 'mine\n');
    t.deepEqual(await changesSince(made, before), []);

    const optional = saying(client, 'client', { optional: [needsRaw] });
    t.is((await made.apply(stateOf({}, {}, server, optional))).code, 0);
    const link = async () => (await made.get('links'))[0];
    await until('it is told', async () => (await link())?.reason === 'LinkTargetTaken');
    t.is((await link())?.phase, 'Blocked');
    t.is(await mine(), 'mine\n');
    await made.inside('client', 'rm', rawTarget);
    t.log(
      `the link is there: ${await until('it is linked', async () => (await heard(await seen(rawTarget))) === 'hello')} ms`,
    );
    t.is((await link())?.phase, 'Ready');
  },
);

inLab(
  '[ROLL-7] [LINK-10] a rollback takes away exactly the links that the trial added; one that was there before goes on',
  async (t) => {
    const { made, server, clientWith, seen } = await running(t);
    const kept = clientWith(needsRaw);
    t.is((await made.apply(stateOf({}, {}, server, kept))).code, 0);
    t.is(await heard(await seen(rawTarget)), 'hello');
    const connection = await openUnix(t, await seen(rawTarget));
    t.is(await connection.say('before'), 'before');
    const before = await hostState(made);
    const pids = await made.pids();

    const more = clientWith(
      needsRaw,
      { name: 'raw', target: '/a.sock' },
      { name: 'raw', target: '/b/c.sock' },
    );
    const failing = container('failing', { directory: '/nonexistent' });
    const ended = await made.outcomeOf(stateOf({}, {}, server, more, failing));
    t.is(ended.phase, 'ERROR', JSON.stringify(ended));
    t.deepEqual(
      (await made.get('links')).map(({ name, phase }) => [name, phase]),
      [[`client${rawTarget}`, 'Ready']],
    );
    for (const path of ['/a.sock', '/b']) t.false(existsSync(await seen(path)), path);
    t.is(await connection.say('after'), 'after');
    t.deepEqual(await made.pids(), pids);
    t.deepEqual(await changesSince(made, before), []);
  },
);
