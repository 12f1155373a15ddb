import test from 'ava';
import { exitContainer } from '../../adapters/memory/host.ts';
import type { Json } from '../../state/json.ts';
import type { FlatState } from '../../state/revision.ts';
import { Rig, revisionOf } from './rig.ts';

const lan = { bridge: 'pvbr0', subnet: '10.0.5.0/24', gateway: '10.0.5.1' };

/** `web` recovers as is said; `db` has a name of its own, so that a revision has something to change. */
function stateOf(recovery: Json, hostname = 'db'): FlatState {
  const state = revisionOf({ lan }, { web: { pool: 'lan' }, db: { pool: 'lan', hostname } });
  return {
    ...state,
    'web/run.json': { ...(state['web/run.json'] as object), auto_recovery: recovery } as Json,
  };
}

/** A device on which `web` recovers as is said, and how often in a row it is going to fail to start. */
async function recovering(recovery: Json) {
  const failing = { starts: 0 };
  const rig = await new Rig({
    fault: (step) => {
      if (step.action !== 'container.start' || step.key !== 'container/web' || failing.starts === 0)
        return null;
      failing.starts -= 1;
      return { outcome: 'failed', error: { code: 'StartFailed', message: 'no init' }, observations: [] };
    },
  }).start();
  await rig.commit(stateOf(recovery));
  return { rig, failing };
}

/** `web` ends by itself, and `ms` pass. */
async function end(rig: Rig, ms: number): Promise<void> {
  rig.adapter.disturb((host) => exitContainer(host, 'web', { code: 1, signal: null, at: rig.clock.now() }));
  await rig.settle();
  await rig.pass(ms);
}

test('[ROLL-3] a trial in which a container ends and is started again fails when it has fallen back 20 times, not before', async (t) => {
  const { rig } = await recovering({ policy: 'always', max_retries: 100, retry_delay: 1 });
  await rig.apply(stateOf({ policy: 'always', max_retries: 100, retry_delay: 1 }, 'store'));
  for (let turn = 0; turn < 19; turn += 1) await end(rig, 1_000);
  t.is(rig.engine.rollout.trial?.failure, null);
  await end(rig, 0);
  t.like(rig.engine.rollout.ended, { revision: 2, phase: 'ERROR', failure: { code: 'Unstable' } });
});

test('[ROLL-2] a container that ends and is there again in the same moment has testing begin anew', async (t) => {
  const { rig } = await recovering({ policy: 'always' });
  await rig.apply(stateOf({ policy: 'always' }, 'store'));
  await rig.pass(6_000);
  await end(rig, 9_999);
  t.is(rig.engine.rollout.trial?.phase, 'TESTING');
  await rig.pass(1);
  t.is(rig.engine.rollout.committed, 2);
});

test('[CTR-8] a start that fails is none of the restarts that a manifest allows', async (t) => {
  const { rig, failing } = await recovering({ policy: 'always', max_retries: 2, retry_delay: 1 });
  failing.starts = 3;
  await end(rig, 30_000);
  await end(rig, 30_000);
  t.is(rig.phase('container/web'), 'Ready');
  await end(rig, 30_000);
  t.is(rig.engine.board.get('container/web')?.reason, 'RetriesExhausted');
});

test('[ROLL-3] a step that fails once fails no trial, however often the container has ended before', async (t) => {
  const { rig, failing } = await recovering({ policy: 'always', max_retries: 100, retry_delay: 1 });
  await rig.apply(stateOf({ policy: 'always', max_retries: 100, retry_delay: 1 }, 'store'));
  for (let turn = 0; turn < 6; turn += 1) await end(rig, 1_000);
  failing.starts = 1;
  await end(rig, 60_000);
  t.is(rig.engine.rollout.committed, 2);
});
