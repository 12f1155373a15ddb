import test from 'ava';
import { planOf } from '../../controller/dry-run.ts';
import type { FlatState } from '../../state/revision.ts';
import { Rig, revisionOf } from './rig.ts';

const lan = { bridge: 'pvbr0', subnet: '10.0.5.0/24', gateway: '10.0.5.1' };

function planned(rig: Rig, state: FlatState) {
  const change = { type: 'replace', state } as const;
  const facts = { texts: {}, missing: [] };
  return planOf(rig.standing(), change, facts);
}

const revisions: readonly FlatState[] = [
  revisionOf({ lan }, { web: { pool: 'lan' }, db: { pool: 'lan' } }),
  revisionOf({ lan }, { web: { pool: 'lan', hostname: 'www' }, db: { pool: 'lan' } }),
  revisionOf({ lan: { ...lan, bridge: 'pvbr1' } }, { web: { pool: 'lan' } }),
  revisionOf({ other: { ...lan, bridge: 'pvbr1' } }, { web: { pool: 'other', static_ip: '10.0.5.9' } }),
  {},
];

test('[ENG-5] a plan shows the steps that apply takes, in order, for every kind of change', async (t) => {
  const rig = await new Rig().start();
  for (const state of revisions) {
    const plan = planned(rig, state);
    const spelled = plan.steps.map((step) => `${step.action} ${step.key}`);
    await rig.apply(state);
    t.deepEqual(spelled, [...rig.takeSteps()]);
    t.deepEqual(plan.problems, []);
  }
});

test('[ENG-5] a plan touches nothing and leaves no trace in the store', async (t) => {
  const rig = await new Rig().start();
  await rig.apply(revisions[0] ?? {});
  const before = JSON.stringify([...rig.host.bridges, ...rig.host.containers, ...rig.store.leases()]);
  rig.takeSteps();
  t.true(planned(rig, revisions[3] ?? {}).steps.length > 0);
  t.deepEqual(rig.takeSteps(), []);
  t.is(JSON.stringify([...rig.host.bridges, ...rig.host.containers, ...rig.store.leases()]), before);
  t.is(planned(rig, revisions[0] ?? {}).steps.length, 0);
});

test('[ENG-5] a plan names what would not become ready, and why', async (t) => {
  const rig = await new Rig().start();
  const plan = planned(rig, revisionOf({ lan }, { web: { pool: 'wan' } }));
  t.true(plan.problems.some(({ key, why }) => key === 'container/web' && /unknown pool 'wan'/.test(why)));
});

test('[ENG-5] a refused revision has findings and no steps', async (t) => {
  const rig = await new Rig().start();
  const plan = planned(rig, revisionOf({ lan: { subnet: '10.0.5.0/33' } }));
  t.deepEqual(plan.steps, []);
  t.true(plan.findings.some((finding) => finding.severity === 'error'));
});

test('[ENG-5] [ENG-8] a change that would fail before it begins takes no step, and the plan says why', async (t) => {
  const rig = await new Rig().start();
  await rig.commit(revisionOf({ lan }, { web: { pool: 'lan' } }));
  const state = revisionOf({ lan }, { web: { pool: 'lan', hostname: 'www' }, db: { pool: 'nowhere' } });
  const { steps, problems } = planned(rig, state);
  t.deepEqual(steps, []);
  t.regex(problems[0]?.why ?? '', /unknown pool 'nowhere'; the revision would not be begun/);
});
