import test from 'ava';
import { nextTurn } from '../../../../adapters/linux/next-turn.ts';
import { LinkTurn } from '../../../../adapters/proxy/dbus/link-turn.ts';

const kib = 1024;

test('[LINK-6] a link that has read 64 KiB stops, once, and goes on in the next turn', async (t) => {
  const told: boolean[] = [];
  const turn: LinkTurn = new LinkTurn(() => told.push(turn.isOver));
  turn.spend(60 * kib);
  t.false(turn.isOver);
  turn.spend(4 * kib);
  turn.spend(64 * kib);
  t.deepEqual(told, [true]);
  await nextTurn();
  t.deepEqual(told, [true, false]);
  turn.spend(64 * kib);
  t.true(turn.isOver);
});

test('[LINK-6] what was read in one turn is none of the next one', async (t) => {
  const turn = new LinkTurn(() => t.fail('nobody has to stop'));
  turn.spend(63 * kib);
  await nextTurn();
  turn.spend(63 * kib);
  t.false(turn.isOver);
});
