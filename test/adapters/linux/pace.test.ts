import test from 'ava';
import { Pace } from '../../../adapters/linux/pace.ts';

/** Timers that fire when told to. */
function manualClock() {
  const timers = new Map<symbol, () => void>();
  const delays: number[] = [];
  const after = (delayMs: number, fire: () => void) => {
    const timer = Symbol('timer');
    delays.push(delayMs);
    timers.set(timer, fire);
    return () => void timers.delete(timer);
  };
  const elapse = () => {
    const due = [...timers.values()];
    timers.clear();
    for (const fire of due) fire();
  };
  return { after, delays, elapse, timers };
}

test('[ENG-7] a pace costs no timer until something is spent, and none after its window', (t) => {
  const { after, delays, elapse } = manualClock();
  const pace = new Pace({
    after,
    windowMs: 1000,
    budget: () => 10,
    rested: () => t.fail('nothing was refused'),
  });
  t.deepEqual(delays, []);
  t.true(pace.spend(4));
  t.true(pace.spend(6));
  t.deepEqual(delays, [1000]);
  elapse();
  t.deepEqual(delays, [1000]);
  t.true(pace.spend(10));
});

test('[LINK-11] what goes beyond the budget is refused until the window ends, which is told once', (t) => {
  const { after, elapse } = manualClock();
  let rests = 0;
  const pace = new Pace({ after, windowMs: 1000, budget: () => 10, rested: () => (rests += 1) });
  t.true(pace.spend(10));
  t.false(pace.isTired);
  t.false(pace.spend(1));
  t.false(pace.spend(1));
  t.true(pace.isTired);
  t.is(rests, 0);
  elapse();
  t.is(rests, 1);
  t.true(pace.spend(1));
  elapse();
  t.is(rests, 1);
});

test('[ENG-7] a pace that is closed has no timer', (t) => {
  const { after, timers } = manualClock();
  const pace = new Pace({ after, windowMs: 1000, budget: () => 0, rested: () => t.fail('it was closed') });
  t.false(pace.spend(1));
  pace.close();
  t.is(timers.size, 0);
  t.false(pace.isTired);
});
