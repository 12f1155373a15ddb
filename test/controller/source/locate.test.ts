import { join } from 'node:path';
import test from 'ava';
import { locator, withLocations } from '../../../controller/source/locate.ts';
import { readSource } from '../../../controller/source/read-source.ts';
import { finding } from '../../../state/finding-catalog.ts';
import { wellMadeExport } from './archive.ts';
import { directoryOf } from './files.ts';

const device = `{
  "network": {
    "pools": {
      "a": { "subnet": "10.0.5.0/99" }
    }
  },
  "groups": [{}, { "name": 7 }]
}
`;

test('[REV-6] a pointer is found in the file of its entry, by line and column', async (t) => {
  const directory = await directoryOf(t, { 'device.json': device, 'web/root.squashfs': 'x' });
  const locate = locator(await readSource(directory));
  const file = join(directory, 'device.json');
  t.deepEqual(locate('/device.json/network/pools/a/subnet'), { file, line: 4, column: 14 });
  t.deepEqual(locate('/device.json/groups/1/name'), { file, line: 7, column: 20 });
  t.deepEqual(locate('/device.json/groups/1'), { file, line: 7, column: 18 });
  t.deepEqual(locate('/device.json'), { file, line: 1, column: 1 });
  t.deepEqual(locate('/web~1root.squashfs'), {
    file: join(directory, 'web/root.squashfs'),
    line: 1,
    column: 1,
  });
});

test('[REV-6] where nothing stands at a pointer, the nearest thing around it is named', async (t) => {
  const directory = await directoryOf(t, { 'device.json': device });
  const locate = locator(await readSource(directory));
  const file = join(directory, 'device.json');
  t.deepEqual(locate('/device.json/network/pools/a/gateway'), { file, line: 4, column: 7 });
  t.deepEqual(locate('/device.json/groups/9/name'), { file, line: 7, column: 3 });
  t.deepEqual(locate('/device.json/groups/name'), { file, line: 7, column: 3 });
  t.is(locate('/absent.json/x'), null);
  t.is(locate(''), null);
});

test('[REV-6] in a state file, and in the json of an export, every pointer has a place', async (t) => {
  const text = `{"device.json": ${device}, "web/run.json": {}}`;
  const directory = await directoryOf(t, {
    'state.json': text,
    'a.tgz': wellMadeExport({ 'a/run.json': { name: 'b' } }),
  });
  const file = join(directory, 'state.json');
  const locate = locator(await readSource(file));
  t.deepEqual(locate('/device.json/network/pools/a/subnet'), { file, line: 4, column: 14 });
  t.deepEqual(locate('/web~1run.json/name'), { file, line: 9, column: 3 });
  t.deepEqual(locate('/absent.json'), { file, line: 1, column: 1 });
  const source = await readSource(directory);
  t.teardown(source.close);
  t.deepEqual(locator(source)('/a~1run.json/name'), {
    file: join(directory, 'a.tgz/json'),
    line: 1,
    column: 16,
  });
});

test('[REV-6] findings get the location that they lack, and keep the one that they have', async (t) => {
  const directory = await directoryOf(t, { 'device.json': device });
  const source = await readSource(directory);
  const details = { found: null, expected: 'x', message: 'x' };
  const place = { file: 'elsewhere', line: 9, column: 9 };
  const located = withLocations(source, [
    finding('WrongType', { ...details, pointer: '/device.json/groups' }),
    { ...finding('WrongType', { ...details, pointer: '/device.json/groups' }), location: place },
    finding('WrongType', { ...details, pointer: '/absent' }),
  ]);
  t.deepEqual(
    located.map(({ location }) => location),
    [{ file: join(directory, 'device.json'), line: 7, column: 3 }, place, undefined],
  );
});
