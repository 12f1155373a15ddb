import test, { type ExecutionContext } from 'ava';
import { exitContainer } from '../../adapters/memory/host.ts';
import type { RevisionOutcome } from '../../controller/api/contract.ts';
import { Database } from '../../controller/database.ts';
import { EventLog } from '../../controller/event-log.ts';
import { ObjectStore } from '../../controller/objects.ts';
import { Service } from '../../controller/service.ts';
import type { FlatState } from '../../state/revision.ts';
import { Rig, revisionOf } from './rig.ts';
import { privateDirectory } from './served.ts';

const lan = { bridge: 'pvbr0', subnet: '10.0.5.0/24' };
const on = (hostname: string) => ({ pool: 'lan', hostname });
const good = revisionOf({ lan }, { web: on('web') });
const other = revisionOf({ lan }, { web: on('www') });
const foreseen = revisionOf({ lan }, { web: { pool: 'lan', static_ip: '10.0.6.9' } });

/** A whole controller in virtual time, whose facts are in a database in memory. */
class ServiceRig extends Rig {
  readonly log: Database;
  readonly service: Service;

  private constructor(log: Database, objects: ObjectStore) {
    super({ persist: (fact) => log.persist(fact) });
    this.log = log;
    const { engine, runner, store } = this;
    this.service = new Service({
      ...{ adapter: 'memory', engine, runner, store, objects, log },
      events: new EventLog(10),
      traffic: () => this.adapter.traffic(),
    });
  }

  static async begin(t: ExecutionContext): Promise<ServiceRig> {
    const log = Database.open(':memory:');
    t.teardown(() => log.close());
    const rig = new ServiceRig(log, await ObjectStore.open(await privateDirectory(t)));
    await rig.start();
    return rig;
  }

  async propose(state: FlatState): Promise<RevisionOutcome> {
    return await this.after(this.service.apply({ type: 'replace', state }, { source: 'test' }));
  }

  async done(...states: readonly FlatState[]): Promise<void> {
    for (const state of states) {
      await this.propose(state);
      await this.pass(10_000);
    }
  }

  async after<T>(work: Promise<T>): Promise<T> {
    const result = await work;
    await this.settle();
    return result;
  }

  async exits(code: number): Promise<void> {
    const at = this.clock.now();
    this.adapter.disturb((host) => exitContainer(host, 'web', { code, signal: null, at }));
    await this.settle();
  }

  get phases(): readonly (readonly [number, string, boolean])[] {
    return this.service.history().map(({ revision, phase, desired }) => [revision, phase, desired]);
  }
}

test('[ROLL-1] the outcome of a revision goes from INPROGRESS over TESTING to DONE, and followers see each turn once', async (t) => {
  const rig = await ServiceRig.begin(t);
  const accepted = await rig.service.apply({ type: 'replace', state: good }, { source: 'test' });
  t.like(accepted, { revision: 1, phase: 'INPROGRESS', desired: 1, settled: false, commitAt: null });
  const seen: string[] = [];
  const subscription = rig.service.outcomes(1).subscribe(({ phase }) => {
    if (seen.at(-1) !== phase) seen.push(phase);
  });
  await rig.settle();
  t.like(rig.service.outcome(1), { phase: 'TESTING', settled: true, commitAt: rig.clock.now() + 10_000 });
  await rig.pass(10_000);
  subscription.unsubscribe();
  t.deepEqual(seen, ['INPROGRESS', 'TESTING', 'DONE']);
  t.deepEqual(rig.service.outcome(1), {
    ...accepted,
    phase: 'DONE',
    settled: true,
    resources: { ready: 3, waiting: 0, blocked: 0, failed: 0 },
  });
});

test('[ROLL-1][ROLL-3] a container that exits ends the trial: its outcome has the reason, and speaks of the revision before', async (t) => {
  const rig = await ServiceRig.begin(t);
  await rig.done(good);
  await rig.propose(other);
  await rig.exits(3);
  const outcome = rig.service.outcome(2);
  t.like(outcome, { phase: 'ERROR', desired: 1, settled: true, commitAt: null });
  t.like(outcome.failure, { code: 'ContainerExited', key: 'container/web' });
  t.regex(outcome.failure?.message ?? '', /exited with code 3/);
  t.deepEqual(outcome, rig.service.outcome());
  t.deepEqual(rig.phases, [
    [1, 'DONE', true],
    [2, 'ERROR', false],
  ]);
  t.deepEqual(rig.service.history()[1]?.failure, outcome.failure);
});

test('the outcome of a revision stays what it was when others have come after it', async (t) => {
  const rig = await ServiceRig.begin(t);
  await rig.done(good);
  await rig.propose(other);
  await rig.exits(3);
  const [first, second] = [rig.service.outcome(1), rig.service.outcome(2)];
  await rig.done(revisionOf({ lan }));
  for (const before of [first, second]) {
    const { digest, phase, failure } = before;
    t.like(rig.service.outcome(before.revision), { digest, phase, failure, desired: 3 });
  }
  t.throws(() => rig.service.outcome(4), {
    message: 'there is no revision 4: those from 1 to 3 are remembered',
  });
});

test('[ENG-8] a failure that is foreseen is told with the answer, and nothing is disturbed', async (t) => {
  const rig = await ServiceRig.begin(t);
  await rig.done(good);
  rig.takeSteps();
  t.like(await rig.propose(foreseen), {
    ...{ revision: 2, phase: 'ERROR', desired: 1, settled: true },
    failure: { code: 'AddressOutsideSubnet', key: 'lease/lan/web/eth0' },
  });
  t.deepEqual(rig.takeSteps(), []);
  t.is(rig.service.history()[1]?.attempts, 0);
});

test('[ROLL-5] a first revision that fails stays desired, and is DONE when all of it holds', async (t) => {
  const rig = await ServiceRig.begin(t);
  await rig.propose(good);
  await rig.exits(3);
  t.like(rig.service.outcome(1), { phase: 'ERROR', desired: 1, failure: { code: 'ContainerExited' } });
  t.like(rig.service.history()[0], { phase: 'ERROR', desired: true });
  await rig.pass(60_000);
  t.like(rig.service.outcome(1), { phase: 'DONE', failure: null });
});

test('a revision that is refused is told so, and which one is desired', async (t) => {
  const rig = await ServiceRig.begin(t);
  await rig.done(good);
  const outcome = await rig.propose({ 'device.json': 7 });
  t.like(outcome, { revision: 1, phase: 'WONTGO', desired: 1 });
  t.true(outcome.findings.some(({ severity }) => severity === 'error'));
  t.is(rig.service.history().length, 1);
});

test('[ROLL-6] going back proposes the content of a revision as a new one, and going forward again does the same', async (t) => {
  const rig = await ServiceRig.begin(t);
  await rig.done(good, other);
  const back = await rig.after(rig.service.rollback(1, {}));
  t.like(back, { revision: 3, phase: 'INPROGRESS', desired: 3 });
  await rig.pass(10_000);
  t.is(rig.service.current().digest, rig.service.content(1).digest);
  t.like(rig.service.history()[2], { source: 'rollback', message: 'back to revision 1', phase: 'DONE' });
  await rig.after(rig.service.rollback(2, { message: 'forward' }));
  await rig.pass(10_000);
  t.deepEqual(rig.service.content(4).state, other);
  t.is(rig.service.history()[3]?.message, 'forward');
});

test('[ROLL-6] without a number, rollback goes to the last other content that was DONE; what failed and what down left is passed over', async (t) => {
  const rig = await ServiceRig.begin(t);
  await rig.done(good);
  await rig.propose(other);
  await rig.exits(3);
  await rig.after(rig.service.down());
  await rig.done(other);
  await rig.after(rig.service.rollback(null, {}));
  await rig.pass(10_000);
  t.deepEqual(rig.service.current().state, good);
  t.is(rig.service.history().at(-1)?.message, 'back to revision 1');
});

test('[ROLL-6] rollback ends a trial that is under way: no revision is made, the committed one is desired', async (t) => {
  const rig = await ServiceRig.begin(t);
  await rig.done(good);
  await rig.propose(other);
  t.like(await rig.after(rig.service.rollback(null, {})), { revision: 1, phase: 'DONE', desired: 1 });
  t.deepEqual(rig.phases, [
    [1, 'DONE', true],
    [2, 'ERROR', false],
  ]);
  t.like(rig.service.outcome(2).failure, { code: 'Cancelled' });
});

test('[ROLL-6] where there is nothing to go back to, that is said, and what could be named', async (t) => {
  const rig = await ServiceRig.begin(t);
  const refused = async (revision: number | null) => {
    const { code, message } = await t.throwsAsync<Error & { code: string }>(
      rig.service.rollback(revision, {}),
    );
    return [code, message];
  };
  t.deepEqual(await refused(null), [
    'NothingToGoBackTo',
    'there is nothing to go back to: there is no revision yet',
  ]);
  t.deepEqual(await refused(1), ['UnknownRevision', 'there is no revision 1: none is known yet']);
  await rig.propose(good);
  t.deepEqual(await refused(null), [
    'NothingToGoBackTo',
    'there is nothing to go back to: revision 1 is on trial, and none was DONE before',
  ]);
  await rig.pass(10_000);
  t.deepEqual(await refused(null), [
    'NothingToGoBackTo',
    'there is nothing to go back to: no revision before 1 was DONE with another content',
  ]);
  t.deepEqual(await refused(7), [
    'UnknownRevision',
    'there is no revision 7: those from 1 to 1 are remembered',
  ]);
});

test('down is committed at once and settled when all is gone; that it wants nothing is no finding', async (t) => {
  const rig = await ServiceRig.begin(t);
  await rig.done(good);
  t.like(await rig.service.down(), { revision: 2, phase: 'DONE', settled: false, findings: [] });
  await rig.settle();
  t.like(rig.service.outcome(2), {
    settled: true,
    resources: { ready: 0, waiting: 0, blocked: 0, failed: 0 },
  });
});

test('[REV-7] the content that is on trial already is unchanged, and its trial is what is followed', async (t) => {
  const rig = await ServiceRig.begin(t);
  await rig.propose(good);
  t.like(await rig.propose(structuredClone(good)), { revision: 1, phase: 'TESTING', unchanged: true });
});

test('message and commit window of a revision reach the engine and the history', async (t) => {
  const rig = await ServiceRig.begin(t);
  const options = { source: 'here', message: 'why', commitAfterSeconds: 0.5 };
  await rig.after(rig.service.apply({ type: 'replace', state: good }, options));
  t.is(rig.service.outcome().commitAt, rig.clock.now() + 500);
  t.like(rig.service.history()[0], { source: 'here', message: 'why' });
});

test('[CTR-8] a container is described with its group and recovery', async (t) => {
  const rig = await ServiceRig.begin(t);
  await rig.propose(good);
  t.deepEqual(
    rig.service.describe('container/web')?.lifecycle,
    rig.store.desired('container/web')?.lifecycle,
  );
  t.like(rig.service.describe('container/web')?.lifecycle, { group: null, recovery: null });
  t.is(rig.service.describe('pool/lan')?.lifecycle, null);
});
