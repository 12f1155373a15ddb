import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { RevisionOutcome } from '../../controller/api/contract.ts';
import { Database } from '../../controller/database.ts';
import { inits, makeBusyboxRoot } from '../lab/busybox-root.ts';
import { Device } from './device.ts';
import { hostChanges, hostState } from './host-state.ts';
import { container, type Part, stateOf } from './states.ts';

/** Trials that fail, through the command line on real LXC, and what is there afterwards. */
const inLab = process.env.HOLDFAST_LAB === '1' ? test.serial : test.serial.skip;

/** Long enough for any container of these tests to fail before it is over; nothing ever waits for its end. */
const longWindow = ['--commit-after', '600'];

const pools = {
  internal: { bridge: 'pvbr0', subnet: '10.0.5.0/24', nat: true },
  dmz: { bridge: 'pvbr1', subnet: '10.0.6.0/24' },
};
const guest = { bridge: 'pvbr2', subnet: '10.0.7.0/24', nat: true };

/** Runs for two seconds, complains and exits with 3. */
const dying = 'sleep 2\necho "no such device: /dev/nonsense" >&2\nexit 3';

/** A device with a running controller, and a root for each way in which a container behaves. */
async function running(t: ExecutionContext) {
  const made = await Device.make('lxc');
  t.teardown(() => made.destroy());
  const root = async (name: string, init: string) => ({
    directory: await makeBusyboxRoot(join(made.directory, name), init),
  });
  const steady = await root('steady', inits.graceful);
  await made.start();
  const web = (more: Part = {}, from = steady) =>
    container('web', from, { network: { pool: 'internal' }, ...more });
  const db = container('db', steady, { network: { pool: 'internal', static_ip: '10.0.5.9' } });
  const edge = (pool: string) => container('edge', steady, { network: { pool } });
  /** Three containers in two pools: what is committed in every test. */
  const first = stateOf(pools, {}, web(), db, edge('dmz'));
  return { made, root, steady, web, db, edge, first };
}

/** What is to be as it was: the host, process ids, and every resource with its address. */
async function allOf(made: Device) {
  const resources = await made.get('all');
  return {
    host: await hostState(made),
    pids: await made.pids(),
    resources: resources.map(({ key, phase, spec }) => ({ key, phase, spec })),
  };
}

const headline = ({ failure }: Pick<RevisionOutcome, 'failure'>) => failure?.message.split('\n')[0];

inLab(
  '[ROLL-1] [ROLL-3] [ROLL-7] a container that exits in its trial takes the device back to exactly what it was',
  async (t) => {
    const { made, root, steady, db, web, edge, first } = await running(t);
    t.is((await made.apply(first)).code, 0);
    const before = await allOf(made);
    const second = stateOf(
      { ...pools, guest },
      {},
      web({}, await root('dying', dying)),
      db,
      edge('guest'),
      container('extra', steady, { network: { pool: 'guest' } }),
    );
    const from = Date.now();
    const answer = await made.cli(['apply', '-', ...longWindow], { input: JSON.stringify(second) });
    const until = Date.now();

    t.is(answer.code, 1, answer.stdout);
    t.regex(answer.stdout, /revision 2 is ERROR: container 'web' exited with code 3/);
    t.regex(answer.stdout, /\| no such device: \/dev\/nonsense/);
    t.regex(answer.stdout, /revision 1 is desired again: all 8 resources are ready\n/);
    const after = await allOf(made);
    const { web: webPid, edge: edgePid, ...untouched } = before.pids;
    const { web: newWebPid, edge: newEdgePid, ...stillThere } = after.pids;
    t.deepEqual(stillThere, untouched);
    t.not(newWebPid, webPid);
    t.not(newEdgePid, edgePid);
    t.deepEqual(hostChanges(before.host, after.host), []);
    t.deepEqual(after.resources, before.resources);

    const [, entry] = await made.history();
    t.deepEqual(
      [entry?.phase, entry?.desired, entry?.failure?.code, entry?.failure?.key],
      ['ERROR', false, 'ContainerExited', 'container/web'],
    );
    const at = entry?.failure?.at ?? 0;
    t.true(at >= from + 2000 && at <= until, `it exited at ${at}, the trial was from ${from} to ${until}`);
    const why = (await made.cli(['why', '2'])).stdout;
    t.regex(
      why,
      /^revision 2 is ERROR: container 'web' exited with code 3\n {2}ContainerExited at container\/web, 20\d\d-/,
    );
    t.regex(why, /revision 1 was made desired again/);
    const show = (await made.cli(['show', '2'])).stdout;
    t.regex(show, /exited with code 3/);
    t.regex(show, /extra\/run\.json/);
    t.regex((await made.cli(['history'])).stdout, /\n2 +ERROR .*container 'web' exited with cod/);

    await made.end('SIGTERM');
    const database = Database.open(join(made.root, 'holdfast.db'));
    const kept = database.leases().map(({ pool, container: name, address }) => `${pool} ${name} ${address}`);
    database.close();
    t.deepEqual(kept, ['dmz edge 10.0.6.2', 'internal db 10.0.5.9', 'internal web 10.0.5.2']);
    await made.start();
    t.deepEqual(await made.pids(), after.pids);
  },
);

inLab('[ROLL-3] a container that is killed in its trial fails it by that signal, at once', async (t) => {
  const { made, web, db, edge, first } = await running(t);
  await made.apply(first);
  const before = await allOf(made);
  const second = stateOf(pools, {}, web({ network: { pool: 'internal', hostname: 'www' } }), db, edge('dmz'));
  const ready = await made.event(({ key, reason }) => key === 'container/web' && reason === 'Ready');
  const ended = made.outcomeOf(second, ...longWindow);
  await ready();
  await made.run('kill', '-9', String((await made.pids()).web));
  const outcome = await ended;
  t.deepEqual([outcome.phase, outcome.failure?.key], ['ERROR', 'container/web']);
  t.is(headline(outcome), "container 'web' was ended by SIGKILL");
  const { web: _, ...untouched } = (await allOf(made)).pids;
  t.deepEqual(untouched, { db: before.pids.db, edge: before.pids.edge });
  t.deepEqual(hostChanges(before.host, await hostState(made)), []);
});

inLab(
  '[CTR-8] [ROLL-3] a container that crashes again and again fails its trial when its retries are used up',
  async (t) => {
    const { made, root, web, db, edge, first } = await running(t);
    await made.apply(first);
    const before = await allOf(made);
    const recovery = { policy: 'on-failure', max_retries: 2, retry_delay: 0.1, backoff_factor: 1 };
    const looping = web({ auto_recovery: recovery }, await root('looping', 'sleep 0.3\nexit 7'));
    const outcome = await made.outcomeOf(stateOf(pools, {}, looping, db, edge('dmz')), ...longWindow);
    t.deepEqual(
      [outcome.phase, outcome.failure?.code, outcome.failure?.key],
      ['ERROR', 'ContainerExited', 'container/web'],
    );
    t.regex(headline(outcome) ?? '', /exited with code 7; it was started again 2 times/);
    const accepted =
      (await made.events()).findLast(({ reason }) => reason === 'RevisionAccepted')?.sequence ?? 0;
    const failed = (await made.events()).findLast(({ reason }) => reason === 'RevisionFailed')?.sequence ?? 0;
    const exits = (await made.events()).filter(
      ({ sequence, key, reason }) =>
        sequence > accepted && sequence < failed && key === 'container/web' && reason === 'DriftDetected',
    );
    t.is(exits.length, 3);
    t.deepEqual(hostChanges(before.host, await hostState(made)), []);
  },
);

inLab('[ROLL-3] a container without an init fails its trial after five attempts to start it', async (t) => {
  const { made, root, web, db, edge, first } = await running(t);
  await made.apply(first);
  const before = await allOf(made);
  const hollow = await root('hollow', '');
  await rm(join(hollow.directory, 'sbin/init'));
  const outcome = await made.outcomeOf(stateOf(pools, {}, web({}, hollow), db, edge('dmz')), ...longWindow);
  t.deepEqual(
    [outcome.phase, outcome.failure?.code, outcome.failure?.key],
    ['ERROR', 'StepFailed', 'container/web'],
  );
  const failures = (await made.events()).filter(
    ({ key, reason }) => key === 'container/web' && reason === 'StartFailed',
  );
  t.is(failures.length, 5);
  const after = await allOf(made);
  t.deepEqual(hostChanges(before.host, after.host), []);
  t.is(after.pids.db, before.pids.db);
});

inLab(
  '[ENG-8] [POOL-3] a conflict that only the device knows ends the trial before anything runs otherwise',
  async (t) => {
    const { made, web, db, edge, first } = await running(t);
    t.teardown(async () => {
      await made.run('ip', 'link', 'del', 'uplink0');
    });
    await made.run('ip', 'link', 'add', 'uplink0', 'type', 'veth', 'peer', 'uplink1');
    await made.run('ip', 'addr', 'add', '192.168.77.1/24', 'dev', 'uplink0');
    await made.run('ip', 'link', 'set', 'uplink0', 'up');
    await made.apply(first);
    const before = await allOf(made);
    const overlapping = { ...pools, guest: { bridge: 'pvbr2', subnet: '192.168.77.0/24' } };
    const next = stateOf(overlapping, {}, web(), db, edge('guest'));
    const outcome = await made.outcomeOf(next, ...longWindow);
    t.deepEqual([outcome.phase, outcome.failure?.key, outcome.desired], ['ERROR', 'pool/guest', 1]);
    t.regex(headline(outcome) ?? '', /192\.168\.77\.0\/24.*uplink0/);
    t.deepEqual(await allOf(made), before);
  },
);

inLab('[ENG-8] [ROLL-3] a conflict that can be foreseen ends the trial before it begins', async (t) => {
  const { made, steady, web, db, edge, first } = await running(t);
  await made.apply(first);
  const before = await allOf(made);
  const thief = container('thief', steady, { network: { pool: 'internal', static_ip: '10.0.5.9' } });
  const outcome = await made.outcomeOf(stateOf(pools, {}, web(), db, edge('dmz'), thief));
  t.deepEqual(
    [outcome.phase, outcome.failure?.key, outcome.desired],
    ['ERROR', 'lease/internal/thief/eth0', 1],
  );
  t.regex(headline(outcome) ?? '', /already in use/);
  t.deepEqual(await allOf(made), before);
  t.is((await made.history())[1]?.attempts, 0);
});

inLab('[ROLL-5] of a first revision that cannot be had whole, what can run goes on running', async (t) => {
  const { made, steady } = await running(t);
  const claims = (name: string) =>
    container(name, steady, { network: { pool: 'internal', static_ip: '10.0.5.50' } });
  const outcome = await made.outcomeOf(stateOf(pools, {}, claims('valid'), claims('collision')));
  t.deepEqual(
    [outcome.phase, outcome.failure?.key, outcome.desired],
    ['ERROR', 'lease/internal/collision/eth0', 1],
  );
  t.regex(headline(outcome) ?? '', /failed to reserve static IP 10\.0\.5\.50 \(already in use/);
  const { containers } = await hostState(made);
  t.deepEqual(containers, ['valid RUNNING']);
  // What is right is done all the same, and nothing of the first is disturbed by it.
  const { valid } = await made.pids();
  const better = await made.outcomeOf(stateOf(pools, {}, claims('valid')));
  t.deepEqual([better.phase, better.revision], ['DONE', 2]);
  t.is((await made.pids()).valid, valid);
});

inLab('[ROLL-6] a user goes back, forward again, and sees why each revision ended as it did', async (t) => {
  const { made, root, web, db, edge, first } = await running(t);
  await made.apply(first);
  const before = await allOf(made);
  const renamed = stateOf(
    pools,
    {},
    web({ network: { pool: 'internal', hostname: 'www' } }),
    db,
    edge('dmz'),
  );
  t.is((await made.apply(renamed)).code, 0);
  const { db: dbPid, edge: edgePid } = await made.pids();
  t.is((await made.cli(['rollback'])).code, 0);
  const back = await allOf(made);
  t.deepEqual(hostChanges(before.host, back.host), []);
  t.deepEqual([back.pids.db, back.pids.edge], [dbPid, edgePid]);
  const failing = stateOf(
    pools,
    {},
    web({}, await root('failing', `sleep 1\n${inits.failing}`)),
    db,
    edge('dmz'),
  );
  t.is((await made.apply(failing, ...longWindow)).code, 1);
  t.is((await made.cli(['rollback', '2'])).code, 0);
  t.is((await made.inside('web', 'cat', '/proc/sys/kernel/hostname')).stdout, 'www\n');
  const history = (await made.history()).map(({ revision, phase, source, desired }) => [
    revision,
    phase,
    source,
    desired,
  ]);
  t.deepEqual(history, [
    [1, 'DONE', '-', false],
    [2, 'DONE', '-', false],
    [3, 'DONE', 'rollback', false],
    [4, 'ERROR', '-', false],
    [5, 'DONE', 'rollback', true],
  ]);
  t.regex((await made.cli(['why', '4'])).stdout, /container 'web' exited with code 3/);
});

inLab(
  '[ROLL-1] a trial that is cancelled, and one that another takes the place of, leave nothing',
  async (t) => {
    const { made, steady, web, db, edge, first } = await running(t);
    await made.apply(first);
    const before = await allOf(made);
    const wider = stateOf(
      { ...pools, guest },
      {},
      web(),
      db,
      edge('dmz'),
      container('extra', steady, { network: { pool: 'guest' } }),
    );
    const testing = async () => {
      const ready = await made.event(({ key, reason }) => key === 'container/extra' && reason === 'Ready');
      t.is((await made.apply(wider, '--no-wait', ...longWindow)).code, 0);
      await ready();
    };
    await testing();
    t.is((await made.cli(['rollback'])).code, 0);
    t.deepEqual(await allOf(made), before);

    await testing();
    const moved = stateOf(pools, {}, web(), db, edge('internal'));
    const outcome = await made.outcomeOf(moved);
    t.deepEqual([outcome.phase, outcome.revision], ['DONE', 4]);
    const endings = (await made.history()).map(({ phase, failure }) => [phase, failure?.code ?? null]);
    t.deepEqual(endings, [
      ['DONE', null],
      ['ERROR', 'Cancelled'],
      ['ERROR', 'Superseded'],
      ['DONE', null],
    ]);
    const { links, containers } = await hostState(made);
    t.deepEqual(
      links.filter((link) => link.startsWith('pvbr')),
      ['pvbr0 up 10.0.5.1/24', 'pvbr1 up 10.0.6.1/24'],
    );
    t.deepEqual(containers, ['db RUNNING', 'edge RUNNING', 'web RUNNING']);
  },
);

inLab('taking everything down in the middle of a trial leaves nothing, and is not rolled back', async (t) => {
  const { made, steady, web, db, edge, first } = await running(t);
  const bare = await hostState(made);
  await made.apply(first);
  const ready = await made.event(({ key, reason }) => key === 'container/extra' && reason === 'Ready');
  const extra = container('extra', steady, { network: { pool: 'guest' } });
  const wider = stateOf({ ...pools, guest }, {}, web(), db, edge('dmz'), extra);
  await made.apply(wider, '--no-wait', ...longWindow);
  await ready();
  t.is((await made.cli(['down'])).code, 0);
  const left = await hostState(made);
  // That forwarding is on is the host's own from then on: somebody else may have come to rely on it. Directories stay for what comes next.
  t.deepEqual({ ...left, forwarding: '', files: [] }, { ...bare, forwarding: '', files: [] });
  const kept = /^(|\/(logs|lxc|objects)|\/run(|\/(boot|hosts|leases|pools)(|\/THIS-BOOT)))$/;
  t.deepEqual(
    left.files.filter((path) => !kept.test(path)),
    [],
  );
  const endings = (await made.history()).map(({ phase, failure }) => [phase, failure?.code ?? null]);
  t.deepEqual(endings, [
    ['DONE', null],
    ['ERROR', 'Superseded'],
    ['DONE', null],
  ]);
});
