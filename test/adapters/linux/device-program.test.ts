import test from 'ava';
import { readProgram, writeProgram } from '../../../adapters/linux/device-program.ts';

const fuse = { major: 10, minor: 229 };
const card = { major: 226, minor: 1_048_575 };
/** `r0 = 1; exit` */
const rest = Uint8Array.from([0xb7, 0, 0, 0, 1, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]);

test('[LINK-7] what is put before a program is found there again, in its order', (t) => {
  const program = writeProgram({ allowed: [fuse, card, fuse], rest });
  t.is(program.length, (3 * 12 + 2) * 8);
  const read = readProgram(program);
  t.deepEqual(read.allowed, [fuse, card, fuse]);
  t.deepEqual([...read.rest], [...rest]);
});

test('[LINK-7] a program without rules of ours is left as it is', (t) => {
  for (const program of [rest, new Uint8Array(), rest.subarray(8)]) {
    t.deepEqual(readProgram(program).allowed, []);
    t.is(readProgram(program).rest, program);
    t.deepEqual([...writeProgram({ allowed: [], rest: program })], [...program]);
  }
});

test('[LINK-7] what differs from a rule of ours in any byte but those of its device is none', (t) => {
  const program = writeProgram({ allowed: [fuse], rest });
  const numbers = new Set([0, 1, 2, 3].flatMap((byte) => [20 + byte, 36 + byte]));
  for (let at = 0; at < 12 * 8; at++) {
    const changed = Uint8Array.from(program);
    changed[at] = (changed[at] ?? 0) ^ 1;
    t.is(readProgram(changed).allowed.length, numbers.has(at) ? 1 : 0, `byte ${at}`);
  }
});
