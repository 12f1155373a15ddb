import test, { type ExecutionContext } from 'ava';
import type { RevisionOutcome } from '../../controller/api/contract.ts';
import { revisionOf } from '../controller/rig.ts';
import { Device } from './device.ts';
import { type Call, callsDuring, databaseCalls, type Fault, withFault } from './traced-calls.ts';

/** A whole controller, with the modelled host, whose disk fails at any call that it makes to its database during an update. */
const inLab = process.env.HOLDFAST_LAB === '1' ? test.serial : test.serial.skip;

const lan = { bridge: 'pvbr0', subnet: '10.0.5.0/24' };

/** Never the same content twice: each update is one. */
const numbered = (number: number) =>
  revisionOf({ lan }, { web: { pool: 'lan', hostname: `web-${number}` }, db: { pool: 'lan' } });

async function started(t: ExecutionContext): Promise<Device> {
  const made = await Device.make('memory');
  t.teardown(() => made.destroy());
  await made.start();
  await made.propose(numbered(1));
  return made;
}

const isSync = ({ name }: Call) => name.endsWith('sync');

const hostnameOf = (state: unknown) => /web-\d+/.exec(JSON.stringify(state))?.[0];

/** Every resource as it stands, without what a restart changes; and the process ids by themselves. */
async function standing(made: Device) {
  const resources = (await made.resources()).map(({ key, phase, spec }) => ({ key, phase, spec }));
  return { resources, pids: await made.pids() };
}

/** Whether an update that met a fault ended as it may: DONE, or refused or rolled back with the disk for a reason. */
function endedWell({ phase, findings, failure }: RevisionOutcome): boolean {
  if (phase === 'WONTGO') return findings.some(({ code }) => code === 'NotDurable');
  return phase === 'DONE' || (phase === 'ERROR' && failure?.code === 'NotDurable');
}

/** One update that meets a fault, and what has to be so afterwards; how it ended. */
async function updateWith(t: ExecutionContext, made: Device, fault: Fault, number: number): Promise<string> {
  const before = await standing(made);
  const former = hostnameOf((await made.current()).state);
  const ended: RevisionOutcome[] = [];
  const injected = await withFault(made, databaseCalls(made), fault, async () => {
    ended.push(await made.propose(numbered(number)));
  });
  const [outcome] = ended;
  const what = `${JSON.stringify(fault)}: ${JSON.stringify(outcome)}`;
  if (outcome === undefined || !endedWell(outcome)) return t.fail(what);
  const { phase } = outcome;
  const kept = phase === 'DONE' ? `web-${number}` : former;
  t.is(hostnameOf((await made.current()).state), kept, what);
  const after = await standing(made);
  if (phase !== 'DONE') t.deepEqual(after.resources, before.resources, what);
  t.is(after.pids.db, before.pids.db, what);
  if (phase === 'WONTGO') t.deepEqual(after.pids, before.pids, what);
  return injected ? phase : 'not met';
}

/** The controller is killed, and the next one is back with the revision that was desired, or with `other`. */
async function restart(t: ExecutionContext, made: Device, other: number | null): Promise<void> {
  const desired = hostnameOf((await made.current()).state);
  await made.end('SIGKILL');
  await made.start();
  const { phase, problems } = await made.atRest();
  t.deepEqual(problems, []);
  const found = hostnameOf((await made.current()).state);
  t.true(found === desired || found === `web-${other}`, `${phase}: ${desired} was desired, ${found} is`);
}

/** Updates a device again and again, each time with the next fault; how often that ended how. */
async function everyCall(t: ExecutionContext, faultsOf: (calls: readonly Call[]) => readonly Fault[]) {
  const made = await started(t);
  const calls = await callsDuring(made, databaseCalls(made), () => made.propose(numbered(2)));
  const ends: Record<string, number> = {};
  let number = 2;
  for (const [index, fault] of faultsOf(calls).entries()) {
    number += 1;
    const end = await updateWith(t, made, fault, number);
    ends[end] = (ends[end] ?? 0) + 1;
    // Where nothing can be synced any more, nobody can know whether what was written last is there before the database is opened anew.
    const unknown = fault.lasts && isSync(fault.at);
    if (unknown || index % 3 === 0) await restart(t, made, unknown ? number : null);
    number += 1;
    const next = await made.propose(numbered(number));
    t.is(next.phase, 'DONE', `after ${JSON.stringify(fault)}: ${JSON.stringify(next)}`);
  }
  t.log(ends);
  t.true((ends.WONTGO ?? 0) > 0 && (ends.ERROR ?? 0) > 0, JSON.stringify(ends));
}

inLab('[ROLL-4] an fsync that fails refuses the update or takes it back, and control goes on', async (t) => {
  await everyCall(t, (calls) =>
    calls.filter(isSync).flatMap((at) => [
      { effect: 'error=EIO', at, lasts: false },
      { effect: 'error=EIO', at, lasts: true },
    ]),
  );
});

inLab(
  '[ROLL-4] a write that fails, and a disk that is full, refuse the update or take it back',
  async (t) => {
    await everyCall(t, (calls) => {
      const writes = calls.filter(({ name }) => /write|truncate/.test(name));
      return writes.map((at, index) =>
        index % 2 === 0
          ? { effect: 'error=EIO', at, lasts: false }
          : { effect: 'error=ENOSPC', at, lasts: true },
      );
    });
  },
);
