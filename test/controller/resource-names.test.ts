import test from 'ava';
import { namesOf } from '../../controller/resource-names.ts';
import { webItems } from './fixtures.ts';
import { linkItem } from './link-fixtures.ts';

const link = linkItem();

test('a resource is called by its whole name, and a lease by each part of it', (t) => {
  t.deepEqual(webItems.map(namesOf), [
    ['internal'],
    ['internal/web/eth0', 'internal', 'web', 'eth0'],
    ['web'],
  ]);
});

test('[LINK-3] a link is called by its consumer, provider, service and target, and by consumer with service', (t) => {
  t.deepEqual(namesOf(link), [
    'client/run/pv/services/raw.sock',
    'client/raw',
    'client',
    'server',
    'raw',
    '/run/pv/services/raw.sock',
  ]);
});

test('a link that is being removed is called as it was made, and one of which nothing is known by its name', (t) => {
  t.deepEqual(namesOf({ ...link, spec: null }), namesOf(link));
  t.deepEqual(namesOf({ ...link, spec: null, observed: null }), ['client/run/pv/services/raw.sock']);
});
