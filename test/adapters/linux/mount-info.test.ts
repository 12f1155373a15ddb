import { closeSync } from 'node:fs';
import test from 'ava';
import {
  findMount,
  listsDevice,
  mountIdOf,
  ownMounts,
  readMountInfo,
} from '../../../adapters/linux/mount-info.ts';
import { openBehind } from '../../../adapters/linux/open-path.ts';

const text = `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue
71 36 0:49 / /run/with\\040space\\134 rw - tmpfs - rw
72 36 0:50 /- /a ro - fuse.sshfs host:/ rw
`;

test('[LINK-11] mounts are read with their file systems, whatever optional fields there are', (t) => {
  t.deepEqual(readMountInfo(text), [
    {
      id: 36,
      device: '98:0',
      root: '/mnt1',
      mountPoint: '/mnt2',
      type: 'ext3',
      options: ['rw', 'errors=continue'],
    },
    {
      id: 71,
      device: '0:49',
      root: '/',
      mountPoint: '/run/with space\\',
      type: 'tmpfs',
      options: ['rw'],
    },
    { id: 72, device: '0:50', root: '/-', mountPoint: '/a', type: 'fuse.sshfs', options: ['rw'] },
  ]);
  t.deepEqual(readMountInfo(''), []);
});

test('[LINK-11] one mount is found in a list, and nothing but its id makes it so', (t) => {
  t.deepEqual(findMount(text, 71), {
    id: 71,
    device: '0:49',
    root: '/',
    mountPoint: '/run/with space\\',
    type: 'tmpfs',
    options: ['rw'],
  });
  t.is(findMount(text, 35), null, 'the id of a parent');
  t.is(findMount(text, 7), null, 'the beginning of an id');
});

test('[LINK-11] a device is found in a list, and not in what others have named like it', (t) => {
  t.true(listsDevice(text, '0:49'));
  t.false(listsDevice(text, '0:4'));
  t.false(listsDevice('72 36 0:50 / /0:51 ro - fuse 0:51 0:51\n', '0:51'));
});

test('[LINK-11] the mount of a descriptor is one of those of this process', (t) => {
  const proc = openBehind('/proc');
  const mount = ownMounts().find(({ id }) => id === mountIdOf(proc));
  closeSync(proc);
  t.is(mount?.type, 'proc');
  t.is(mount?.mountPoint, '/proc');
});
