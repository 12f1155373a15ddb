import test from 'ava';
import { containerRootOf, hostIdOf, readIdMap } from '../../../adapters/linux/id-map.ts';

const shifted = readIdMap('         0     100000      65536\n');
const odd = readIdMap('0 100000 1000\n1000 1000 1\n1001 101001 64535\n');
const host = readIdMap('         0          0 4294967295\n');

for (const [map, id, expected, what] of [
  [shifted, 0, 100_000, 'root'],
  [shifted, 65_535, 165_535, 'the last one'],
  [shifted, 65_536, null, 'one beyond the last'],
  [odd, 999, 100_999, 'the last one of a range'],
  [odd, 1000, 1000, 'one that is the same on the host'],
  [odd, 1001, 101_001, 'the first one of a range'],
  [host, 4_294_967_294, 4_294_967_294, "the host's last one"],
  [readIdMap(''), 0, null, 'root where nobody is mapped'],
] as const) {
  test(`[LINK-6] ${what}, ${id}, is ${expected ?? 'nobody'} on the host`, (t) => {
    t.is(hostIdOf(map, id), expected);
  });
}

test("[LINK-7] a container's root has a user and a group, or is nobody", (t) => {
  t.deepEqual(containerRootOf({ users: shifted, groups: readIdMap('0 200000 10') }), {
    uid: 100_000,
    gid: 200_000,
  });
  t.is(containerRootOf({ users: shifted, groups: readIdMap('1 1 1') }), null);
});
