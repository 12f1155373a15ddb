import { endianness } from 'node:os';
import type { DeviceNumber } from './device-access.ts';

/**
 * Programs of BPF that say who may use which device (cgroup v2; Linux, Documentation/admin-guide/cgroup-v2.rst, "Device controller"), as the kernel gives
 * them back. What we add stands before all else: a row of rules, each of which ends the program with "yes" for one device, and leaves it alone for any other.
 */

const littleEndian = endianness() === 'LE';
const instructionBytes = 8;

/** One instruction (Linux, Documentation/bpf/standardization/instruction-set.rst). */
interface Instruction {
  readonly code: number;
  readonly to?: number;
  readonly from?: number;
  readonly offset?: number;
  readonly value?: number;
}

const load32 = 0x61;
const move = 0xb7;
const move32 = 0xb4;
const moveRegister = 0xbf;
const and = 0x57;
const jumpUnlessEqual = 0x55;
const jumpIfAnyBit = 0x45;
const exit = 0x95;

/** What a program is called with, in register 1 (`struct bpf_cgroup_dev_ctx`): the access and, below it, the type; the numbers. */
const context = { access: 0, major: 4, minor: 8 } as const;
const characterDevice = 2;
const makingNodes = 1 << 16;

/** "HFD1": register 0 has no other use before a program ends, and nobody else writes this. */
const mark = 0x48464431;

/** What a rule does stands in its comments. Each jump leads past its end. */
function ruleOf({ major, minor }: DeviceNumber): readonly Instruction[] {
  return [
    { code: move32, to: 0, value: mark },
    // Another device?
    { code: load32, to: 2, from: 1, offset: context.major },
    { code: jumpUnlessEqual, to: 2, value: major, offset: 9 },
    { code: load32, to: 2, from: 1, offset: context.minor },
    { code: jumpUnlessEqual, to: 2, value: minor, offset: 7 },
    // A block device?
    { code: load32, to: 2, from: 1, offset: context.access },
    { code: moveRegister, to: 3, from: 2 },
    { code: and, to: 3, value: 0xffff },
    { code: jumpUnlessEqual, to: 3, value: characterDevice, offset: 3 },
    // Is a node to be made?
    { code: jumpIfAnyBit, to: 2, value: makingNodes, offset: 2 },
    { code: move, to: 0, value: 1 },
    { code: exit },
  ];
}

const ruleBytes = ruleOf({ major: 0, minor: 0 }).length * instructionBytes;
/** Where the numbers stand in a rule. */
const majorAt = 2 * instructionBytes + 4;
const minorAt = 4 * instructionBytes + 4;

function encode(instructions: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(instructions.length * instructionBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const [index, { code, to = 0, from = 0, offset = 0, value = 0 }] of instructions.entries()) {
    const at = index * instructionBytes;
    view.setUint8(at, code);
    view.setUint8(at + 1, littleEndian ? to | (from << 4) : (to << 4) | from);
    view.setInt16(at + 2, offset, littleEndian);
    view.setInt32(at + 4, value, littleEndian);
  }
  return bytes;
}

/** The device of the rule that a program begins with; null: it begins with none of ours. */
function firstRule(program: Uint8Array): DeviceNumber | null {
  if (program.length < ruleBytes) return null;
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const device = {
    major: view.getInt32(majorAt, littleEndian),
    minor: view.getInt32(minorAt, littleEndian),
  };
  return encode(ruleOf(device)).equals(program.subarray(0, ruleBytes)) ? device : null;
}

/** A program, with what we have put before it. */
export interface RuledProgram {
  readonly allowed: readonly DeviceNumber[];
  /** What was there without us. */
  readonly rest: Uint8Array;
}

/** Takes a program apart. Pure. */
export function readProgram(program: Uint8Array): RuledProgram {
  const allowed: DeviceNumber[] = [];
  let rest = program;
  for (let device = firstRule(rest); device !== null; device = firstRule(rest)) {
    allowed.push(device);
    rest = rest.subarray(ruleBytes);
  }
  return { allowed, rest };
}

/** The program itself. Pure. */
export function writeProgram({ allowed, rest }: RuledProgram): Uint8Array {
  return Buffer.concat([...allowed.map((device) => encode(ruleOf(device))), rest]);
}
