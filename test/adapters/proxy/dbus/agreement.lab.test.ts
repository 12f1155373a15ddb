import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { type Message, ProtocolViolation } from '../../../../adapters/proxy/dbus/message.ts';
import { MessageStream } from '../../../../adapters/proxy/dbus/message-stream.ts';
import { RandomBytes } from '../builtin/random-bytes.ts';
import { BusWire } from './bus-wire.ts';
import { textBody } from './raw-message.ts';
import { startBus } from './real-bus.ts';
import { spoiltMessage } from './spoilt-messages.ts';

const inLab = process.env.HOLDFAST_LAB === '1' ? test.serial : test.serial.skip;

/** What we make of these bytes and a message behind them: the first message; null: it is none. Undefined: they are the beginning of one. */
function ours(bytes: Buffer, behind: Buffer): Message | null | undefined {
  let first: Message | undefined;
  let messages = 0;
  const stream = new MessageStream({
    needed: () => 0,
    judge: (message) => {
      first ??= message;
      messages += 1;
      return 'drop';
    },
    pass: () => {},
  });
  try {
    stream.push(Buffer.concat([bytes, behind]));
  } catch (error) {
    if (error instanceof ProtocolViolation) return null;
    throw error;
  }
  return messages === 2 ? first : undefined;
}

/**
 * Whether all is there that its lengths claim, and the type is a known one: dbus-daemon waits for the rest of what we refuse at once, and passes on what
 * has a type that nobody knows.
 */
function isComparable(bytes: Buffer): boolean {
  if ((bytes[1] ?? 0) > 4) return false;
  const read = (at: number) => (bytes[0] === 0x42 ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at));
  return Math.ceil((16 + read(12)) / 8) * 8 + read(4) <= bytes.length;
}

/** Of bodies nothing is read here: only those that are in order can be compared. */
function hasPlainBody(message: Message | null): boolean {
  if (message === null) return true;
  const { bodyBytes, signature } = message;
  return (signature === '' && bodyBytes === 0) || (signature === 's' && bodyBytes === textBody('x').length);
}

inLab(
  '[LINK-6] what is a message to us is one to dbus-daemon, and what is none to us is none to it',
  async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'holdfast-dbus-'));
    t.teardown(() => rmSync(directory, { recursive: true }));
    const socket = await startBus(t, 'dbus-daemon', directory);
    const random = new RandomBytes(20_240_611);
    const verdicts = { both: 0, neither: 0 };
    for (let round = 0; round < 1500; round += 1) {
      const wire = await BusWire.open(socket);
      const bytes = spoiltMessage(random, ':1.999999');
      const behind = wire.getId(4711);
      const seen = ours(bytes, behind);
      if (seen !== undefined && hasPlainBody(seen) && isComparable(bytes)) {
        wire.socket.write(Buffer.concat([bytes, behind]));
        const isTaken = await Promise.race([
          wire.answerTo(4711).then(
            () => true,
            () => false,
          ),
          wire.closed().then(() => false),
        ]);
        t.is(seen !== null, isTaken, `${round}: ${bytes.toString('latin1')}`);
        verdicts[isTaken ? 'both' : 'neither'] += 1;
      }
      wire.socket.destroy();
    }
    t.log(verdicts);
    t.true(verdicts.both > 200 && verdicts.neither > 200);
  },
);
