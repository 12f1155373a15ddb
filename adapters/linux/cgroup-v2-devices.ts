import { attachedPrograms, attachProgram, loadProgram, openProgram, readBack } from './bpf.ts';
import type { DeviceNumber } from './device-access.ts';
import { deviceText } from './device-number.ts';
import { type RuledProgram, readProgram, writeProgram } from './device-program.ts';
import { SystemCallError, type SystemCalls } from './system-calls.ts';

/**
 * Device rules of cgroup2: programs that each have to say yes. Whoever made the cgroup has attached one (LXC); it is replaced by one that says yes to some
 * devices before it begins with what it did. One more program would not help: that one could only take away.
 */

type Calls = Pick<SystemCalls, 'bpf' | 'address' | 'close'>;

/** Somebody else may replace a program between when it was read and when it is replaced. */
const mostTries = 10;

const isSame = (left: DeviceNumber, right: DeviceNumber): boolean => deviceText(left) === deviceText(right);

/** What a program is to be; null: it is so. */
type Change = (program: RuledProgram) => RuledProgram | null;

function withDescriptor(calls: Calls, open: () => number, work: (descriptor: number) => void): void {
  const descriptor = open();
  try {
    work(descriptor);
  } finally {
    calls.close(descriptor);
  }
}

interface Attached {
  /** Open on the directory. */
  readonly cgroup: number;
  readonly id: number;
  readonly flags: number;
}

function changeOne(calls: Calls, { cgroup, id, flags }: Attached, change: Change): void {
  const open = () => openProgram(calls, id);
  withDescriptor(calls, open, (before) => {
    const { instructions, isGpl } = readBack(calls, before);
    const changed = change(readProgram(instructions));
    if (changed === null) return;
    const load = () => loadProgram(calls, { instructions: writeProgram(changed), isGpl });
    withDescriptor(calls, load, (program) =>
      attachProgram(calls, { cgroup, program, instead: before, flags }),
    );
  });
}

function changeAll(calls: Calls, cgroup: number, change: Change): void {
  for (let tries = 1; ; tries++) {
    try {
      const { ids, flags } = attachedPrograms(calls, cgroup);
      for (const id of ids) changeOne(calls, { cgroup, id, flags }, change);
      return;
    } catch (error) {
      const isReplaced = error instanceof SystemCallError && error.code === 'ENOENT';
      if (!isReplaced || tries === mostTries) throw error;
    }
  }
}

/** Whatever is in the cgroup, open as `cgroup`, or in one below it may read and write the device, as far as its own programs say. Throws SystemCallError. */
export function allowByProgram(calls: Calls, cgroup: number, device: DeviceNumber): void {
  changeAll(calls, cgroup, ({ allowed, rest }) =>
    allowed.some((other) => isSame(device, other)) ? null : { allowed: [device, ...allowed], rest },
  );
}

/** What was allowed so is so no more; what the programs say without us stays. Throws SystemCallError. */
export function denyByProgram(calls: Calls, cgroup: number, device: DeviceNumber): void {
  changeAll(calls, cgroup, ({ allowed, rest }) => {
    const others = allowed.filter((other) => !isSame(device, other));
    return others.length === allowed.length ? null : { allowed: others, rest };
  });
}
