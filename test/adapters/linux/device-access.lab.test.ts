import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { createDeviceAccess } from '../../../adapters/linux/cgroup-device-access.ts';
import { ContainerHandle, NoContainer } from '../../../adapters/linux/container-handle.ts';
import { DeviceNodes } from '../../../adapters/linux/device-nodes.ts';
import { containerRootOf, idMapsOf } from '../../../adapters/linux/id-map.ts';
import type { LxcConfigItem } from '../../../state/resource.ts';
import { deviceCgroup, fuse, type LxcContainer, startLxc, tryOpenIn } from './device-bench.ts';
import { labTest } from './network-bench.ts';

const refused = /Operation not permitted/;

function access(rules: readonly LxcConfigItem[] = []) {
  return createDeviceAccess({ isInit: () => true, rulesOf: () => rules });
}

/** A node for a container's root, staged as a link does it. */
async function stagedNode(t: ExecutionContext, { name, pid }: LxcContainer): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'hf-'));
  const nodes = new DeviceNodes({ root });
  t.teardown(async () => {
    await nodes.keepOnly([]);
    rmSync(root, { recursive: true });
  });
  const handle = new ContainerHandle(pid);
  const owner = containerRootOf(idMapsOf(handle)) ?? { uid: -1, gid: -1 };
  handle.close();
  return nodes.ensure(name, { device: fuse, owner, mode: 0o600 });
}

for (const unprivileged of [false, true]) {
  const kind = unprivileged ? 'with users of its own' : "of the host's users";
  labTest(`[LINK-7] a container ${kind} opens a device from when it may, and nobody else does`, async (t) => {
    const [gpu, neighbour] = [
      await startLxc(t, { name: 'gpu', unprivileged }),
      await startLxc(t, { name: 'neighbour', unprivileged }),
    ];
    for (const container of [gpu, neighbour]) {
      await container.mountNode(await stagedNode(t, container), '/run/fuse');
      t.regex(await container.tryOpen('/run/fuse'), refused);
    }
    const devices = access();
    await devices.allow(gpu, fuse);
    await devices.allow(gpu, fuse);
    t.is(await gpu.tryOpen('/run/fuse'), 'opened');
    t.regex(await neighbour.tryOpen('/run/fuse'), refused);
    const before = readFileSync(join(deviceCgroup(neighbour.pid), 'devices.list'), 'utf8');
    await devices.deny(gpu, fuse);
    await devices.deny(gpu, fuse);
    t.regex(await gpu.tryOpen('/run/fuse'), refused);
    t.is(await gpu.tryOpen('/dev/null'), 'opened');
    t.is(readFileSync(join(deviceCgroup(gpu.pid), 'devices.list'), 'utf8'), before);
  });
}

labTest('[LINK-7] what a container has in cgroups of its own may open the device, too', async (t) => {
  const gpu = await startLxc(t, { name: 'gpu' });
  const own = deviceCgroup(gpu.pid);
  const deep = join(own, 'system.slice/app.service');
  mkdirSync(deep, { recursive: true });
  t.regex(await tryOpenIn(deep, '/dev/fuse'), refused);
  const devices = access();
  await devices.allow(gpu, fuse);
  t.is(await tryOpenIn(deep, '/dev/fuse'), 'opened');
  const later = join(own, 'system.slice/later.service');
  mkdirSync(later);
  t.is(await tryOpenIn(later, '/dev/fuse'), 'opened');
  await devices.deny(gpu, fuse);
  for (const cgroup of [deep, later, own]) t.regex(await tryOpenIn(cgroup, '/dev/fuse'), refused);
  for (const cgroup of [deep, later, join(own, 'system.slice')]) rmdirSync(cgroup);
});

labTest('[LINK-7] an init that has moved to a cgroup below its own is found all the same', async (t) => {
  const gpu = await startLxc(t, { name: 'gpu' });
  const own = deviceCgroup(gpu.pid);
  const scope = join(own, 'init.scope');
  mkdirSync(scope);
  await tryOpenIn(scope, '/dev/null');
  writeFileSync(join(scope, 'cgroup.procs'), `${gpu.pid}`);
  t.is(deviceCgroup(gpu.pid), scope);
  await access().allow(gpu, fuse);
  for (const cgroup of [own, scope]) t.is(await tryOpenIn(cgroup, '/dev/fuse'), 'opened');
  await access().deny(gpu, fuse);
  for (const cgroup of [own, scope]) t.regex(await tryOpenIn(cgroup, '/dev/fuse'), refused);
});

labTest("[LINK-7] what a container's own configuration gives it stays", async (t) => {
  const lines = ['allow = c 10:229 rwm', 'allow = c 10:232 r'];
  const gpu = await startLxc(t, { name: 'gpu', rules: lines });
  const rules = lines.map((line) => ({
    key: 'lxc.cgroup.devices.allow',
    value: line.slice('allow = '.length),
  }));
  const list = () => readFileSync(join(deviceCgroup(gpu.pid), 'devices.list'), 'utf8');
  const before = list();
  for (const device of [fuse, { major: 10, minor: 232 }]) {
    await access(rules).allow(gpu, device);
    await access(rules).deny(gpu, device);
  }
  t.is(list(), before);
  await access().deny(gpu, fuse);
  t.not(list(), before, 'rules that nobody tells of are taken away: this test shows nothing');
});

labTest('[LINK-7] a container that may open every device loses none of them', async (t) => {
  const gpu = await startLxc(t, { name: 'gpu', rules: ['allow = a'] });
  t.is(await tryOpenIn(deviceCgroup(gpu.pid), '/dev/fuse'), 'opened');
  await access().allow(gpu, fuse);
  await access().deny(gpu, fuse);
  t.is(await tryOpenIn(deviceCgroup(gpu.pid), '/dev/fuse'), 'opened');
});

labTest(
  '[LINK-7] a container that ends takes its rules with it, and one that starts anew has its own',
  async (t) => {
    const gpu = await startLxc(t, { name: 'gpu' });
    await access().allow(gpu, fuse);
    const cgroup = deviceCgroup(gpu.pid);
    await gpu.stop();
    t.false(existsSync(cgroup));
    await t.throwsAsync(access().allow(gpu, fuse), { instanceOf: NoContainer });
    await t.notThrowsAsync(access().deny(gpu, fuse));
    const next = await startLxc(t, { name: 'gpu' });
    t.regex(await tryOpenIn(deviceCgroup(next.pid), '/dev/fuse'), refused);
  },
);

labTest(
  '[LINK-11] a process that is not the init any more is given nothing, nor is one of the host',
  async (t) => {
    const gpu = await startLxc(t, { name: 'gpu' });
    const recycled = createDeviceAccess({ isInit: () => false, rulesOf: () => [] });
    await t.throwsAsync(recycled.allow(gpu, fuse), {
      instanceOf: NoContainer,
      message: /is not the init of container 'gpu'/,
    });
    await t.throwsAsync(access().allow({ name: 'gpu', pid: process.pid }, fuse), {
      instanceOf: NoContainer,
      message: /in no cgroup that is the own one of container 'gpu'/,
    });
    await t.throwsAsync(access().allow({ name: 'other', pid: gpu.pid }, fuse), { instanceOf: NoContainer });
    t.regex(await tryOpenIn(deviceCgroup(gpu.pid), '/dev/fuse'), refused);
  },
);

labTest('[LINK-11] a process id that is of another container by now gives that one nothing', async (t) => {
  const other = await startLxc(t, { name: 'other' });
  const mistaken = { name: 'gpu', pid: other.pid };
  const own = deviceCgroup(other.pid);
  await t.throwsAsync(access().allow(mistaken, fuse), { instanceOf: NoContainer });
  t.regex(await tryOpenIn(own, '/dev/fuse'), refused);
  const naive = createDeviceAccess({
    isInit: () => true,
    rulesOf: () => [],
    owns: (_, name) => name.startsWith('lxc.payload.'),
  });
  await naive.allow(mistaken, fuse);
  t.is(await tryOpenIn(own, '/dev/fuse'), 'opened', 'the naive way is not fooled: this test shows nothing');
});

labTest(
  "[LINK-7] a node of ours belongs to the container's root, and only root of the host reaches it",
  async (t) => {
    const gpu = await startLxc(t, { name: 'gpu', unprivileged: true });
    const node = await stagedNode(t, gpu);
    t.is(statSync(node).uid, 100_000);
    t.is(statSync(node).gid, 100_000);
    t.is(statSync(join(node, '..')).mode & 0o777, 0o700);
  },
);
