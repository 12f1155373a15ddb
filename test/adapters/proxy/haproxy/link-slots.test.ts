import test from 'ava';
import {
  formerSlots,
  type HeldSlots,
  noHeldSlots,
  noSlots,
  planSlots,
} from '../../../../adapters/proxy/haproxy/link-slots.ts';
import type { RestListener } from '../../../../adapters/proxy/proxy.ts';

const link = (name: string, role = 'any'): RestListener => ({
  name,
  type: 'rest',
  path: `/r/${name}`,
  backend: { type: 'socket', path: '/r/own' },
  client: 'c',
  role,
});
const [a, b, c] = [link('a'), link('b'), link('c')];
const spares = 2;
const plan = (links: readonly RestListener[], former: HeldSlots, anew = false): HeldSlots => ({
  links,
  slots: planSlots(links, former, { spares, anew }),
});

test('[LINK-5] links take what is to spare, and then more is made', (t) => {
  const one = plan([a], noHeldSlots);
  t.deepEqual(one.slots, { next: 4, made: [1, 2, 3], spare: [2, 3], held: [1] });
  const three = plan([b, a, c], one);
  t.deepEqual(three.slots, { next: 4, made: one.slots.made, spare: [], held: [2, 1, 3] });
  t.is(three.slots.made, one.slots.made, 'nothing is rendered for it');
  const four = plan([a, b, c, link('d')], three);
  t.deepEqual(four.slots, { next: 7, made: [1, 2, 3, 4, 5, 6], spare: [5, 6], held: [1, 2, 3, 4] });
});

test("[LINK-10] a slot is nobody else's ever, whatever comes and goes", (t) => {
  const two = plan([a, b], noHeldSlots);
  const changed = plan([link('a', 'admin'), b], two);
  t.deepEqual(changed.slots.held, [3, 2]);
  const back = plan([a, b], changed);
  t.deepEqual(back.slots, { next: 5, made: [1, 2, 3, 4], spare: [], held: [4, 2] });
  const anew = plan([a, b], back, true);
  t.deepEqual(anew.slots, { next: 7, made: [2, 4, 5, 6], spare: [5, 6], held: [4, 2] });
  const none = plan([], anew);
  t.deepEqual(none.slots, { ...noSlots, next: 7 });
  t.deepEqual(plan([c], none).slots, { next: 10, made: [7, 8, 9], spare: [8, 9], held: [7] });
});

test('the same links again need nothing', (t) => {
  const two = plan([a, b], noHeldSlots);
  t.deepEqual(plan([{ ...a }, { ...b }], two).slots, two.slots);
  t.deepEqual(plan([a, b], two, true).slots, two.slots, 'nor where as many are to spare as should be');
});

test('[ING-11] of a change that was broken off, what both states have alike is kept', (t) => {
  const before = plan([a, b], noHeldSlots);
  const after = plan([a, link('b', 'admin'), c], before);
  const sources = [before, after].map(({ links, slots }) => ({ listeners: links, slots }));
  t.deepEqual(formerSlots(sources), { links: [a], slots: { ...before.slots, spare: [], held: [1] } });
  t.deepEqual(formerSlots([]), noHeldSlots);
  const again = plan([a, b, c], formerSlots(sources), true);
  t.deepEqual(again.slots, { next: 9, made: [1, 5, 6, 7, 8], spare: [7, 8], held: [1, 5, 6] });
});
