import { setImmediate } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { BlockedListeners } from '../../../adapters/ingress/blocked-listeners.ts';
import type { PortOwner } from '../../../adapters/linux/port-owners.ts';
import type { Conflict, Key, ListenerSpec } from '../../../state/resource.ts';
import { VirtualClock } from '../../controller/virtual-clock.ts';

const spec: ListenerSpec = { type: 'http', addresses: ['127.0.0.1'], port: 18_999, routes: [] };
const key: Key = 'listener/127.0.0.1:18999';
const taken: Conflict = { code: 'PortTaken', message: 'taken' };
const owner: PortOwner = { address: '127.0.0.1', port: 18_999, pid: null, command: null };

/** Blocked listeners on a host where `owners` listen, and what of them is said to be free. */
function stage(t: ExecutionContext) {
  const clock = new VirtualClock();
  const owners: PortOwner[] = [];
  const after = (delayMs: number, fire: () => void) => clock.after(delayMs, fire);
  const blocked = new BlockedListeners({ owners: async () => [...owners], process: async () => null, after });
  t.teardown(() => blocked.close());
  const freed: Key[] = [];
  blocked.freed.subscribe((each) => freed.push(each));
  /** Time passes up to the next look, and what comes of that has come. */
  const pass = async (delayMs: number) => {
    clock.step(delayMs);
    for (let turn = 0; turn < 5; turn += 1) await setImmediate();
  };
  return { blocked, clock, owners, freed, pass };
}

test('[ENG-7] a refusal of which nothing is to be seen is tried again after longer and longer pauses', async (t) => {
  const { blocked, freed, pass } = stage(t);
  const pauses = [2_000, 4_000, 8_000, 16_000];
  for (const [index, pauseMs] of pauses.entries()) {
    blocked.note([{ key, spec, conflict: taken }]);
    await pass(pauseMs - 1);
    t.is(freed.length, index, `not before ${pauseMs} ms`);
    await pass(1);
    t.is(freed.length, index + 1, `after ${pauseMs} ms`);
  }
});

test('[ENG-3] a listener that was changed, or that was had meanwhile, is tried soon again', async (t) => {
  const { blocked, freed, pass } = stage(t);
  blocked.note([{ key, spec, conflict: taken }]);
  await pass(2_000);
  blocked.note([{ key, spec: { ...spec, port: 18_998 }, conflict: taken }]);
  await pass(2_000);
  t.is(freed.length, 2);
  blocked.note([{ key, spec, conflict: null }]);
  await pass(600_000);
  t.is(freed.length, 2);
});

test('[ENG-8] a listener is free when the process that was seen to have its port is not there any more', async (t) => {
  const { blocked, owners, freed, pass } = stage(t);
  owners.push(owner);
  blocked.note([{ key, spec, conflict: taken }]);
  await pass(0);
  await pass(2_000);
  await pass(4_000);
  t.deepEqual(freed, []);
  owners.length = 0;
  await pass(8_000);
  t.deepEqual(freed, [key]);
});

test('[ENG-7] a listener that nobody tries any more is not said to be free again and again', async (t) => {
  const { blocked, clock, freed, pass } = stage(t);
  blocked.note([{ key, spec, conflict: taken }]);
  await pass(2_000);
  t.deepEqual(freed, [key]);
  await pass(3_600_000);
  t.deepEqual(freed, [key]);
  t.is(clock.nextInMs(), null);
});
