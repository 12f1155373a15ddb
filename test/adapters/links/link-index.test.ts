import test from 'ava';
import { LinkIndex } from '../../../adapters/links/link-index.ts';
import type { Key } from '../../../state/resource.ts';

const one: Key = 'link/a/x';
const other: Key = 'link/b/x';
const source = { container: 'p', socket: '/s' } as const;

test('[LINK-3] a source is left when the last of several links to it is', (t) => {
  const index = new LinkIndex();
  index.add(one, source);
  index.add(other, source);
  t.deepEqual(index.of(source), [one, other]);
  t.deepEqual(index.settle(one, null), []);
  t.deepEqual(index.of(source), [other]);
  t.deepEqual(index.settle(other, null), [source]);
  t.deepEqual(index.of(source), []);
});

test('[LINK-10] a link that was to lead elsewhere, and came to nothing, leaves both of its sources', (t) => {
  const index = new LinkIndex();
  const next = { container: 'q', socket: '/s' } as const;
  index.add(one, source);
  index.add(one, next);
  t.deepEqual(index.of(source), [one]);
  t.deepEqual(index.of(next), [one]);
  t.deepEqual(index.settle(one, source), [next], 'back where it was');
  index.add(one, next);
  t.deepEqual(index.settle(one, null), [source, next]);
});

test('[LINK-7] a device and a socket at one path are two sources', (t) => {
  const index = new LinkIndex();
  const device = { ...source, type: 'device' } as const;
  index.add(one, source);
  index.add(one, device);
  t.deepEqual(index.settle(one, device), [source]);
  t.deepEqual(index.of(device), [one]);
});

test('[LINK-10] settling a link that is not known leaves nothing', (t) => {
  t.deepEqual(new LinkIndex().settle(one, null), []);
});
