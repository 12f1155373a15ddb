import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import {
  amongOthers,
  attachedPrograms,
  attachProgram,
  loadProgram,
  openProgram,
  readBack,
} from '../../../adapters/linux/bpf.ts';
import { createDeviceAccess } from '../../../adapters/linux/cgroup-device-access.ts';
import { allowByProgram, denyByProgram } from '../../../adapters/linux/cgroup-v2-devices.ts';
import { ownMounts } from '../../../adapters/linux/mount-info.ts';
import { loadSystemCalls } from '../../../adapters/linux/system-calls.ts';
import { fuse, tryOpenIn } from './device-bench.ts';
import { labTest } from './network-bench.ts';
import { makeRoot, startContainer } from './socket-bench.ts';

/** Programs of a real cgroup2, which a host with version 1 has beside that, for other controllers or none. */

const calls = await loadSystemCalls();
const refused = /Operation not permitted/;
const kvm = { major: 10, minor: 232 };

const littleEndianInstruction = (code: number, registers = 0, offset = 0, value = 0): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt8(code);
  bytes.writeUInt8(registers, 1);
  bytes.writeInt16LE(offset, 2);
  bytes.writeInt32LE(value, 4);
  return bytes;
};

/** As LXC's: yes for major number 1, no for all else. */
const likeLxc = Buffer.concat([
  littleEndianInstruction(0x61, 0x13, 4),
  littleEndianInstruction(0x55, 3, 2, 1),
  littleEndianInstruction(0xb7, 0, 0, 1),
  littleEndianInstruction(0x95),
  littleEndianInstruction(0xb7, 0, 0, 0),
  littleEndianInstruction(0x95),
]);

/** Yes for all. */
const yes = Buffer.concat([littleEndianInstruction(0xb7, 0, 0, 1), littleEndianInstruction(0x95)]);

/** The lab's own cgroup of cgroup2; null: this kernel has none mounted. */
function labCgroup(): string | null {
  const mount = ownMounts().find(({ type }) => type === 'cgroup2');
  const path = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
  return mount === undefined || path === undefined ? null : join(mount.mountPoint, path);
}

interface Bench {
  /** Its directory, and open on it. */
  readonly path: string;
  readonly cgroup: number;
  readonly attach: (instructions: Uint8Array, flags?: number) => void;
  /** What is attached, as instructions. */
  readonly programs: () => readonly string[];
}

/** A cgroup like a container's, with a program like LXC's. */
function bench(t: ExecutionContext, name = 'lxc.payload.web'): Bench {
  const lab = labCgroup();
  if (lab === null) throw new Error('found no cgroup2 that is mounted, expected the lab to have one');
  const path = join(lab, name);
  mkdirSync(path);
  const cgroup = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  t.teardown(() => {
    closeSync(cgroup);
    if (existsSync(path)) rmdirSync(path);
  });
  const attach = (instructions: Uint8Array, flags = amongOthers) => {
    const program = loadProgram(calls, { instructions, isGpl: true });
    attachProgram(calls, { cgroup, program, instead: null, flags });
    calls.close(program);
  };
  const programs = () =>
    attachedPrograms(calls, cgroup).ids.map((id) => {
      const program = openProgram(calls, id);
      const { instructions, isGpl } = readBack(calls, program);
      calls.close(program);
      return `${isGpl ? 'GPL' : 'other'} ${Buffer.from(instructions).toString('hex')}`;
    });
  return { path, cgroup, attach, programs };
}

for (const flags of [amongOthers, 0]) {
  const kind = flags === 0 ? 'the only one there can be' : 'one of several';
  labTest(
    `[LINK-7] a device is let through a program that is ${kind}, and is not any more after`,
    async (t) => {
      const made = bench(t);
      const { path, cgroup, attach, programs } = made;
      attach(likeLxc, flags);
      const before = programs();
      t.regex(await tryOpenIn(path, '/dev/fuse'), refused);
      for (const device of [fuse, kvm, fuse]) allowByProgram(calls, cgroup, device);
      t.is(programs().length, 1);
      for (const device of ['/dev/fuse', '/dev/null']) t.is(await tryOpenIn(path, device), 'opened');
      t.regex(await tryOpenIn(path, '/dev/loop-control'), refused);
      denyByProgram(calls, cgroup, fuse);
      t.regex(await tryOpenIn(path, '/dev/fuse'), refused);
      t.is(await tryOpenIn(path, '/dev/null'), 'opened');
      for (const device of [kvm, fuse]) denyByProgram(calls, cgroup, device);
      t.deepEqual(programs(), before);
    },
  );
}

labTest('[LINK-7] each of several programs lets the device through; one more would not help', async (t) => {
  const made = bench(t);
  const { path, cgroup, attach, programs } = made;
  attach(likeLxc);
  attach(yes);
  const before = programs();
  t.regex(await tryOpenIn(path, '/dev/fuse'), refused, 'the naive way works: this test shows nothing');
  allowByProgram(calls, cgroup, fuse);
  t.is(await tryOpenIn(path, '/dev/fuse'), 'opened');
  denyByProgram(calls, cgroup, fuse);
  t.deepEqual(programs(), before);
});

labTest('[LINK-7] a node of the device is not made by what lets it be opened', (t) => {
  const made = bench(t);
  made.attach(likeLxc);
  allowByProgram(calls, made.cgroup, fuse);
  const script = 'echo $$ > "$1/cgroup.procs"; mknod /run/holdfast-lab/node c 10 229';
  const error = t.throws(() => execFileSync('sh', ['-c', script, 'sh', made.path], { stdio: 'pipe' }));
  t.regex(error.message, refused);
});

labTest('[LINK-7] where nothing is attached, nothing is', (t) => {
  const made = bench(t);
  allowByProgram(calls, made.cgroup, fuse);
  denyByProgram(calls, made.cgroup, fuse);
  t.deepEqual(made.programs(), []);
});

labTest('[LINK-7] two hundred rounds leave no program and no descriptor behind', (t) => {
  const made = bench(t);
  made.attach(likeLxc);
  const before = { programs: made.programs(), descriptors: readdirSync('/proc/self/fd').length };
  for (let round = 0; round < 200; round++) {
    allowByProgram(calls, made.cgroup, fuse);
    denyByProgram(calls, made.cgroup, fuse);
  }
  t.deepEqual({ programs: made.programs(), descriptors: readdirSync('/proc/self/fd').length }, before);
});

labTest(
  '[LINK-7] a container in cgroup2 is let through by name and process, and its neighbour is not',
  async (t) => {
    const [made, other] = [bench(t), bench(t, 'lxc.payload.other')];
    made.attach(likeLxc);
    other.attach(likeLxc);
    const { pid } = await startContainer(t, await makeRoot(t));
    const scope = join(made.path, 'init.scope');
    mkdirSync(scope);
    t.teardown(() => rmdirSync(scope));
    writeFileSync(join(scope, 'cgroup.procs'), `${pid}`);
    const mount = ownMounts().find(({ type }) => type === 'cgroup2');
    const hierarchy = {
      version: 'v2',
      mountPoint: mount?.mountPoint ?? '',
      root: mount?.root ?? '',
    } as const;
    const devices = createDeviceAccess({
      isInit: () => true,
      rulesOf: () => [],
      hierarchies: [hierarchy],
    });
    await devices.allow({ name: 'web', pid }, fuse);
    t.is(await tryOpenIn(scope, '/dev/fuse'), 'opened');
    t.regex(await tryOpenIn(other.path, '/dev/fuse'), refused);
    await devices.deny({ name: 'web', pid }, fuse);
    t.regex(await tryOpenIn(scope, '/dev/fuse'), refused);
    writeFileSync(join(labCgroup() ?? '', 'cgroup.procs'), `${pid}`);
  },
);
