import { endianness } from 'node:os';
import { SystemCallError, type SystemCalls } from './system-calls.ts';

/** The commands of bpf(2) that programs of cgroups take (Linux, include/uapi/linux/bpf.h). Descriptors that are returned are closed by `calls.close`. */

const loadProgramCommand = 5;
const attachCommand = 8;
const programByIdCommand = 13;
const programInfoCommand = 15;
const queryCommand = 16;

/** What a program is for: BPF_PROG_TYPE_CGROUP_DEVICE, and BPF_CGROUP_DEVICE where it is attached. */
const deviceProgram = 15;
const deviceAttachment = 6;

/** BPF_F_ALLOW_MULTI: a program stands beside others of its cgroup, each of which has to say yes. */
export const amongOthers = 0x2;
/** BPF_F_REPLACE. */
const replacing = 0x4;

/** More than the kernel takes in one cgroup (BPF_CGROUP_MAX_PROGS). */
const mostPrograms = 64;
/** More than the kernel lets any program of root have, in bytes (BPF_COMPLEXITY_LIMIT_INSNS). */
const longestProgramBytes = 8 * 1_000_000;

const attributeBytes = 72;
const littleEndian = endianness() === 'LE';

type Calls = Pick<SystemCalls, 'bpf' | 'address' | 'close'>;

/**
 * What one call points to, all in one piece with its attributes: that is held while the call is made, whatever else the collector of garbage takes by
 * then. Numbers are the processor's.
 */
class CallMemory {
  readonly #calls: Calls;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #base: bigint;
  #used = attributeBytes;

  constructor(calls: Calls, pointedBytes: number) {
    this.#calls = calls;
    // Each part begins at a multiple of 8.
    this.#bytes = new Uint8Array(new ArrayBuffer(attributeBytes + pointedBytes + 16));
    this.#view = new DataView(this.#bytes.buffer);
    this.#base = calls.address(this.#bytes);
  }

  /** Room for something that is pointed to; returns where it begins. */
  take(length: number): number {
    const at = this.#used;
    this.#used += Math.ceil(length / 8) * 8;
    return at;
  }

  /** Copies something in that is pointed to; returns where it begins. */
  put(bytes: Uint8Array): number {
    const at = this.take(bytes.length);
    this.#bytes.set(bytes, at);
    return at;
  }

  setNumber(at: number, value: number): this {
    this.#view.setUint32(at, value, littleEndian);
    return this;
  }

  setPointer(at: number, to: number): this {
    this.#view.setBigUint64(at, this.#base + BigInt(to), littleEndian);
    return this;
  }

  number(at: number): number {
    return this.#view.getUint32(at, littleEndian);
  }

  bytes(at: number, length: number): Uint8Array {
    return this.#bytes.slice(at, at + length);
  }

  /** Throws SystemCallError. */
  call(command: number): number {
    return this.#calls.bpf(command, this.#bytes, attributeBytes);
  }
}

/** What is attached to a cgroup to say who may use which device. */
export interface AttachedPrograms {
  /** Each has to say yes. */
  readonly ids: readonly number[];
  /** As they were attached. */
  readonly flags: number;
}

/** `cgroup` is open on its directory. Throws SystemCallError. */
export function attachedPrograms(calls: Calls, cgroup: number): AttachedPrograms {
  const memory = new CallMemory(calls, mostPrograms * 4);
  const ids = memory.take(mostPrograms * 4);
  memory.setNumber(0, cgroup).setNumber(4, deviceAttachment).setPointer(16, ids).setNumber(24, mostPrograms);
  memory.call(queryCommand);
  const count = memory.number(24);
  return {
    ids: Array.from({ length: count }, (_, index) => memory.number(ids + index * 4)),
    flags: memory.number(12),
  };
}

/** Opens a program. Throws SystemCallError, ENOENT where it is not there any more. */
export function openProgram(calls: Calls, id: number): number {
  return new CallMemory(calls, 0).setNumber(0, id).call(programByIdCommand);
}

/** `struct bpf_prog_info`: length and place of the instructions as the kernel has them after it has verified them; whether the licence is the GPL. */
const info = { bytes: 88, length: 20, instructions: 32, flags: 84 } as const;

/** A program that can be loaded again. */
export interface DeviceProgram {
  readonly instructions: Uint8Array;
  readonly isGpl: boolean;
}

function readInfo(
  calls: Calls,
  program: number,
  length: number,
): DeviceProgram & { readonly length: number } {
  const memory = new CallMemory(calls, info.bytes + length);
  const [answer, instructions] = [memory.take(info.bytes), memory.take(length)];
  memory.setNumber(0, program).setNumber(4, info.bytes).setPointer(8, answer);
  memory.setNumber(answer + info.length, length);
  if (length > 0) memory.setPointer(answer + info.instructions, instructions);
  memory.call(programInfoCommand);
  return {
    length: memory.number(answer + info.length),
    instructions: memory.bytes(instructions, length),
    isGpl: (memory.number(answer + info.flags) & 1) !== 0,
  };
}

/** Reads a program back. Throws SystemCallError. */
export function readBack(calls: Calls, program: number): DeviceProgram {
  const { length } = readInfo(calls, program, 0);
  if (length > 0 && length <= longestProgramBytes) return readInfo(calls, program, length);
  throw new Error(
    `the kernel says that a program of a cgroup has ${length} bytes; expected some, and to be shown them`,
  );
}

/** As often as libbpf tries (PROG_LOAD_ATTEMPTS): the kernel gives up verifying a program with EAGAIN whenever a signal comes, if only one for another thread's timer. */
const loadAttempts = 5;

/** Loads a program that says who may use which device; it is gone when it is closed and nothing has it attached. Throws SystemCallError. */
export function loadProgram(calls: Calls, { instructions, isGpl }: DeviceProgram): number {
  const license = Buffer.from(isGpl ? 'GPL\0' : '\0');
  const memory = new CallMemory(calls, instructions.length + license.length);
  memory.setNumber(0, deviceProgram).setNumber(4, instructions.length / 8);
  memory.setPointer(8, memory.put(instructions)).setPointer(16, memory.put(license));
  memory.setNumber(68, deviceAttachment);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return memory.call(loadProgramCommand);
    } catch (error) {
      if (attempt === loadAttempts || !wasInterrupted(error)) throw error;
    }
  }
}

/** EAGAIN and EWOULDBLOCK are one number. */
function wasInterrupted(error: unknown): boolean {
  return error instanceof SystemCallError && (error.code === 'EAGAIN' || error.code === 'EWOULDBLOCK');
}

export interface AttachRequest {
  /** Open on its directory. */
  readonly cgroup: number;
  readonly program: number;
  /** Takes the place of this one, in one go; null: it is one more. */
  readonly instead: number | null;
  /** As the others are attached. */
  readonly flags: number;
}

/** Throws SystemCallError, ENOENT where `instead` is not attached any more. */
export function attachProgram(calls: Calls, { cgroup, program, instead, flags }: AttachRequest): void {
  const memory = new CallMemory(calls, 0).setNumber(0, cgroup).setNumber(4, program);
  memory.setNumber(8, deviceAttachment).setNumber(12, flags);
  // Where there can be but one, it is replaced all the same.
  if (instead !== null && (flags & amongOthers) !== 0) {
    memory.setNumber(12, flags | replacing).setNumber(16, instead);
  }
  memory.call(attachCommand);
}
