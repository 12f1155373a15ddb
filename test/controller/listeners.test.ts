import test from 'ava';
import { defaultEngineOptions } from '../../controller/engine.ts';
import type { Json, JsonObject } from '../../state/json.ts';
import { deviceWith, revisionOf, runOf } from '../state/revisions.ts';
import { Rig } from './rig.ts';

const rule = (name: string, external: string, service: string): JsonObject => ({
  name,
  type: 'tcp',
  external,
  provider: 'web',
  service,
});

/** A revision with one container, which provides `site`, and these rules. */
function withRules(...ingress: readonly JsonObject[]) {
  const device = { ...(deviceWith({ internal: '10.0.3.0/24' }) as JsonObject), ingress };
  return {
    ...revisionOf({}),
    'device.json': device as Json,
    'web/run.json': runOf('web', { pool: 'internal' }),
    'web/services.json': [{ name: 'site', type: 'tcp', port: 80 }],
  };
}

const windowMs = defaultEngineOptions.commitAfterMs;

test('[ING-4] [ROLL-2] a revision of which one rule leads to nothing is committed, and the rule is blocked and told', async (t) => {
  const rig = await new Rig().start();
  await rig.apply(withRules(rule('good', ':80', 'site'), rule('bad', ':81', 'sight')));
  t.is(rig.engine.rollout.trial?.phase, 'TESTING');
  await rig.pass(windowMs);
  t.is(rig.engine.rollout.committed, 1);
  t.like(rig.engine.board.get('listener/:80'), { phase: 'Ready' });
  t.like(rig.engine.board.get('listener/:81'), {
    phase: 'Blocked',
    reason: 'ServiceNotFound',
    tolerated: true,
  });
  t.deepEqual(rig.engine.board.counts(), { ready: 4, waiting: 0, blocked: 1, failed: 0 });
  t.deepEqual(
    rig.events
      .filter(({ reason }) => reason === 'ServiceNotFound')
      .map(({ key, severity }) => [key, severity]),
    [['listener/:81', 'warning']],
  );
  t.deepEqual([...rig.host.listeners.keys()], ['listener/:80']);
});

test('[ENG-8] [ROLL-3] a port that another process of the host has fails the trial, by its name, and nothing else is lost', async (t) => {
  const rig = await new Rig().start();
  await rig.commit(withRules(rule('good', ':80', 'site')));
  rig.host.foreignPorts.set(2222, 'sshd');
  await rig.apply(withRules(rule('good', ':80', 'site'), rule('gate', ':2222', 'site')));
  await rig.pass(windowMs);
  const { trial, ended, committed } = rig.engine.rollout;
  t.is(trial, null);
  t.is(committed, 1);
  t.like(ended?.failure, { code: 'PortTaken', key: 'listener/:2222' });
  t.regex(ended?.failure?.message ?? '', /sshd/);
  t.deepEqual([...rig.host.listeners.keys()], ['listener/:80']);
  t.is(rig.engine.board.get('listener/:2222'), undefined);
});

test('[ROLL-7] a rollback brings back the listeners of before, and takes no other step', async (t) => {
  const rig = await new Rig().start();
  await rig.commit(withRules(rule('one', ':80', 'site'), rule('two', ':81', 'site')));
  await rig.apply(withRules(rule('one', ':80', 'site'), rule('three', ':82', 'site')));
  t.deepEqual([...rig.host.listeners.keys()].sort(), ['listener/:80', 'listener/:82']);
  rig.steps.length = 0;
  rig.adapter.disturb((host) => {
    const pid = host.containers.get('web')?.pid ?? null;
    if (pid !== null) host.processes.delete(pid);
  });
  await rig.settle();
  t.deepEqual([...rig.host.listeners.keys()].sort(), ['listener/:80', 'listener/:81']);
  t.deepEqual(
    rig.steps.filter(({ key }) => key.startsWith('listener/')).map(({ action, key }) => [action, key]),
    [
      ['listener.remove', 'listener/:82'],
      ['listener.ensure', 'listener/:81'],
    ],
  );
});
