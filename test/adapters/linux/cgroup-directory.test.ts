import test from 'ava';
import {
  cgroupIn,
  deviceHierarchies,
  directoryOf,
  isLxcPayload,
  ownCgroup,
} from '../../../adapters/linux/cgroup-directory.ts';
import { readMountInfo } from '../../../adapters/linux/mount-info.ts';

const hybrid = `32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
36 31 0:33 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices
41 31 0:38 /ns /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
42 31 0:38 / /elsewhere rw - cgroup2 cgroup2 rw
`;

test('[LINK-7] the hierarchies that have a say on devices are those of the controller and of cgroup2', (t) => {
  t.deepEqual(deviceHierarchies(readMountInfo(hybrid)), [
    { version: 'v1', mountPoint: '/sys/fs/cgroup/devices', root: '/' },
    { version: 'v2', mountPoint: '/sys/fs/cgroup/unified', root: '/ns' },
  ]);
  t.deepEqual(deviceHierarchies([]), []);
});

test('[LINK-7] the cgroup of a process is read for either version', (t) => {
  const text = '9:name=systemd:/a\n5:cpu,devices:/b:c\n0::/d\n';
  t.is(cgroupIn(text, 'v1'), '/b:c');
  t.is(cgroupIn(text, 'v2'), '/d');
  t.is(cgroupIn('9:name=devices:/a\n', 'v1'), null);
  t.is(cgroupIn('9:name=systemd:/a\n', 'v2'), null);
});

const own: readonly (readonly [string, string | null])[] = [
  ['/lxc.payload.web', '/lxc.payload.web'],
  ['/lxc.payload.web-12', '/lxc.payload.web-12'],
  ['/machine/lxc.payload.web/init.scope', '/machine/lxc.payload.web'],
  ['/lxc.payload.web/lxc.payload.web', '/lxc.payload.web'],
  ['/lxc.payload.other', null],
  ['/lxc.payload.webx', null],
  ['/lxc.payload.web-x', null],
  ['/lxc.monitor.web', null],
  ['/lxc.payload.web (deleted)', null],
  ['/../lxc.payload.web', null],
  ['/', null],
];

for (const [path, expected] of own) {
  test(`[LINK-11] of ${path}, ${expected ?? 'nothing'} is container web's own`, (t) => {
    t.is(ownCgroup(path, 'web', isLxcPayload), expected);
  });
}

test('[LINK-7] the directory of a cgroup is below where its hierarchy is mounted, or nowhere', (t) => {
  const at = (root: string) => directoryOf('/ns/a/b', { version: 'v2', mountPoint: '/cg', root });
  t.is(at('/'), '/cg/ns/a/b');
  t.is(at('/ns'), '/cg/a/b');
  t.is(at('/n'), null);
  t.is(at('/other'), null);
});
