import test from 'ava';
import { type Message, ProtocolViolation } from '../../../../adapters/proxy/dbus/message.ts';
import { type Judgement, MessageStream } from '../../../../adapters/proxy/dbus/message-stream.ts';
import { callFields, rawMessage, signature, text, textBody } from './raw-message.ts';

/** A call of that method, with a text as its body. */
function call(member: string, said = 'x', order: 'l' | 'B' = 'l'): Buffer {
  const fields = [...callFields.slice(0, 3), text(3, member), signature('s')];
  return rawMessage({ order, fields, body: textBody(said, order === 'B') });
}

/** Passes what comes, but for methods that begin with `Drop`; reads the text of those that begin with `Read`. */
class Filter {
  readonly passed: Buffer[] = [];
  readonly ends: boolean[] = [];
  readonly judged: string[] = [];
  isHolding = false;
  readonly stream = new MessageStream({
    needed: (message) => (message.member?.startsWith('Read') ? message.bodyBytes : 0),
    judge: (message, body) => this.#judge(message, body),
    pass: (bytes, isWhole) => {
      this.passed.push(Buffer.from(bytes));
      this.ends.push(isWhole);
    },
  });

  #judge({ member, bodyBytes }: Message, body: Buffer): Judgement {
    if (this.isHolding && member === 'Hold') return 'hold';
    this.judged.push(
      `${member} ${member?.startsWith('Read') ? body.toString('latin1', 4, bodyBytes - 1) : ''}`,
    );
    return member?.startsWith('Drop') ? 'drop' : 'pass';
  }

  /** In pieces that end there; each is overwritten afterwards. */
  push(bytes: Buffer, ...ends: readonly number[]): this {
    let from = 0;
    for (const to of [...ends, bytes.length]) {
      const piece = Buffer.from(bytes.subarray(from, to));
      this.stream.push(piece);
      piece.fill(0xff);
      from = to;
    }
    return this;
  }

  get output(): Buffer {
    return Buffer.concat(this.passed);
  }
}

const long = 'y'.repeat(500);
const messages = [
  call('A'),
  call('DropB', long),
  call('ReadC', 'read me', 'B'),
  call('D', long),
  call('DropE'),
  call('ReadF', long),
] as const;
const all = Buffer.concat(messages);
const expected = Buffer.concat([messages[0], messages[2], messages[3], messages[5]]);
const judged = ['A ', 'DropB ', 'ReadC read me', 'D ', 'DropE ', `ReadF ${long}`];

test('messages are judged one by one, and passed byte for byte, wherever the stream is cut', (t) => {
  for (let at = 0; at <= all.length; at += 1) {
    const filter = new Filter().push(all, at);
    t.true(filter.output.equals(expected), `at ${at}`);
    t.deepEqual(filter.judged, judged, `at ${at}`);
    t.true(filter.ends.at(-1));
  }
  const slow = new Filter().push(all, ...Array.from(all, (_, at) => at));
  t.true(slow.output.equals(expected));
  t.deepEqual(slow.judged, judged);
});

test('what is passed in one piece goes out in one piece, and says whether a message ends there', (t) => {
  const two = Buffer.concat([messages[0], messages[3]]);
  const whole = new Filter().push(two);
  t.is(whole.passed.length, 1);
  t.deepEqual(whole.ends, [true]);
  const cut = new Filter().push(two, two.length - 10);
  t.deepEqual(cut.ends, [false, true]);
  const dropped = new Filter().push(Buffer.concat([messages[0], messages[1]]), messages[0].length + 200);
  t.deepEqual(dropped.ends, [true], 'half of one that is dropped is no half message');
});

test('a message that has to wait is judged later, with all that follow, wherever it was cut', (t) => {
  const held = Buffer.concat([messages[0], call('Hold'), messages[3]]);
  for (let at = messages[0].length; at < messages[0].length + call('Hold').length; at += 1) {
    const filter = new Filter();
    filter.isHolding = true;
    filter.push(held, at);
    t.true(filter.stream.isHolding, `at ${at}`);
    t.deepEqual(filter.judged, ['A ']);
    t.true(filter.output.equals(messages[0]));
    filter.stream.release();
    t.true(filter.stream.isHolding, 'still');
    filter.isHolding = false;
    filter.stream.release();
    t.false(filter.stream.isHolding);
    t.true(filter.output.equals(held), `at ${at}`);
  }
});

test('[LINK-6] a head that claims much more than comes costs what it claims at most, and not for each byte', (t) => {
  const lying = rawMessage({ fieldBytes: 65_536 });
  const filter = new Filter().push(lying.subarray(0, 16));
  const before = process.memoryUsage().arrayBuffers;
  for (let sent = 0; sent < 60_000; sent += 1) filter.stream.push(Buffer.from([0]));
  t.true(
    process.memoryUsage().arrayBuffers - before < 2 ** 20,
    `${process.memoryUsage().arrayBuffers - before}`,
  );
  t.deepEqual(filter.judged, []);
});

test('[LINK-6] of what is no message nothing is passed', (t) => {
  for (const order of ['x', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', '\0AUTH EXTERNAL 30\r\n']) {
    const filter = new Filter();
    t.throws(() => filter.push(Buffer.from(order.padEnd(16))), { instanceOf: ProtocolViolation });
    t.deepEqual(filter.passed, []);
  }
});
