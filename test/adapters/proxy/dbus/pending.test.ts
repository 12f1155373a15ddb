import test from 'ava';
import { PendingCallers, PendingCalls, PendingShare } from '../../../../adapters/proxy/dbus/pending.ts';

function called(share: PendingShare, count: number): PendingCalls {
  const calls = new PendingCalls(share);
  for (let serial = 1; serial <= count; serial += 1) calls.add(serial);
  return calls;
}

test('[LINK-6] of a session the last 8,192 calls are remembered, and each is taken once', (t) => {
  const calls = called(new PendingShare(), 8193);
  t.false(calls.has(1));
  t.true(calls.take(2));
  t.false(calls.take(2));
  t.false(calls.take(null));
  calls.add(1);
  calls.add(1);
  t.true(calls.has(3), 'the same again takes no room');
});

test('[LINK-6] what the sessions of a link remember is bounded, and each has a little', (t) => {
  const share = new PendingShare();
  const greedy = Array.from({ length: 20 }, () => called(share, 8192));
  t.true(share.isUsedUp);
  t.true(greedy[0]?.has(1));
  const late = called(share, 200);
  t.false(late.has(72));
  t.true(late.has(73));
  const callers = new PendingCallers(share);
  callers.add(':1.7', 4);
  t.true(callers.take(':1.7', 4));
  for (const calls of greedy) calls.clear();
  t.false(share.isUsedUp);
  t.true(called(share, 8192).has(1), 'who goes leaves room');
});
