import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { run } from '../../../adapters/linux/command.ts';
import { DeviceNodes } from '../../../adapters/linux/device-nodes.ts';
import { deviceNumberOf } from '../../../adapters/linux/device-number.ts';
import { ownMounts } from '../../../adapters/linux/mount-info.ts';
import { fuse } from './device-bench.ts';
import { labTest } from './network-bench.ts';

const node = { device: fuse, owner: { uid: 100_000, gid: 100_001 }, mode: 0o660 };

function bench(t: ExecutionContext) {
  const root = mkdtempSync(join(tmpdir(), 'hf-'));
  const nodes = new DeviceNodes({ root });
  t.teardown(async () => {
    await nodes.keepOnly([]);
    rmSync(root, { recursive: true });
  });
  const mounts = () => ownMounts().filter(({ mountPoint }) => mountPoint.startsWith(root)).length;
  return { root, nodes, mounts };
}

labTest('[LINK-7] a node is of its device, its owner and its mode, and opening it works', async (t) => {
  const { nodes } = bench(t);
  const path = await nodes.ensure('a', node);
  t.is(path, nodes.pathOf('a'));
  const stats = statSync(path, { bigint: true });
  t.true(stats.isCharacterDevice());
  t.deepEqual(deviceNumberOf(stats.rdev), fuse);
  t.deepEqual([stats.uid, stats.gid, stats.mode & 0o7777n], [100_000n, 100_001n, 0o660n]);
  await (await open(path, 'r+')).close();
});

labTest('[LINK-7] a node on the run directory of a usual host could not be opened', async (t) => {
  const { root, nodes } = bench(t);
  await run(['mount', '-t', 'tmpfs', '-o', 'nodev', 'tmpfs', root]);
  const naive = join(root, 'naive');
  await run(['mknod', naive, 'c', '10', '229']);
  await t.throwsAsync(open(naive, 'r+'), { code: 'EACCES' }, 'the naive way works: this test shows nothing');
  await (await open(await nodes.ensure('a', node), 'r+')).close();
  await nodes.keepOnly([]);
  await run(['umount', root]);
});

labTest(
  '[LINK-7] a node that is there stays the same inode, and is put right where it is not as it should be',
  async (t) => {
    const { root, nodes } = bench(t);
    const path = await nodes.ensure('a', node);
    const { ino } = statSync(path);
    chmodSync(path, 0o666);
    chownSync(path, 0, 0);
    const next = new DeviceNodes({ root });
    t.is(await next.ensure('a', node), path);
    t.like(statSync(path), { ino, uid: 100_000, gid: 100_001 });
    t.is(statSync(path).mode & 0o7777, 0o660);
    await next.ensure('a', { ...node, device: { major: 10, minor: 232 } });
    t.not(statSync(path).ino, ino);
    t.deepEqual(deviceNumberOf(statSync(path, { bigint: true }).rdev), { major: 10, minor: 232 });
    rmSync(path);
    writeFileSync(path, 'no device');
    await next.ensure('a', node);
    t.true(statSync(path).isCharacterDevice());
  },
);

labTest(
  '[LINK-7] what a controller that was killed has left is found, and goes with the last node',
  async (t) => {
    const { root, nodes, mounts } = bench(t);
    await nodes.ensure('a', node);
    await nodes.ensure('b', node);
    const next = new DeviceNodes({ root });
    await next.keepOnly(['b']);
    t.false(existsSync(nodes.pathOf('a')));
    t.true(existsSync(nodes.pathOf('b')));
    t.is(mounts(), 1);
    await next.remove('a');
    await next.remove('b');
    await next.remove('b');
    t.is(mounts(), 0);
    t.deepEqual(readdirSync(join(root, 'run')), []);
  },
);

labTest('[ENG-7] nothing is made where no node is', async (t) => {
  const { root, nodes, mounts } = bench(t);
  await nodes.keepOnly([]);
  await nodes.remove('a');
  t.is(mounts(), 0);
  t.deepEqual(readdirSync(root), []);
});

labTest('[LINK-7] a file system of somebody else in its place is left alone', async (t) => {
  const { root, nodes } = bench(t);
  const directory = join(root, 'run/link-devices');
  await run(['mkdir', '-p', directory]);
  await run(['mount', '-t', 'sysfs', 'sysfs', directory]);
  await t.throwsAsync(nodes.ensure('a', node), { message: /has a file system that is not ours; unmount it/ });
  await run(['umount', directory]);
});
