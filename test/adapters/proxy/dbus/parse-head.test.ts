import test from 'ava';
import { type Message, ProtocolViolation } from '../../../../adapters/proxy/dbus/message.ts';
import { headBytesAt, parseHead } from '../../../../adapters/proxy/dbus/parse-head.ts';
import { writeMessage } from '../../../../adapters/proxy/dbus/write-message.ts';
import {
  callFields,
  number,
  path,
  type RawMessage,
  rawMessage,
  signature,
  text,
  textBody,
} from './raw-message.ts';

function parsed(bytes: Buffer, at = 0): Message {
  const head = headBytesAt(bytes, at);
  if (head === null || at + head > bytes.length) throw new RangeError('the head is not whole');
  return parseHead(bytes, at);
}

for (const order of ['l', 'B'] as const) {
  test(`the head of a message is read in byte order ${order}`, (t) => {
    const fields = [
      ...callFields,
      number(5, 9),
      text(7, ':1.2'),
      signature('s'),
      number(9, 3),
      text(4, 'org.example.Error'),
    ];
    const message = rawMessage({
      order,
      type: 3,
      flags: 1,
      serial: 77,
      fields,
      body: textBody('x', order === 'B'),
    });
    t.deepEqual(parsed(message), {
      type: 3,
      isBigEndian: order === 'B',
      flags: 1,
      serial: 77,
      headBytes: message.length - 6,
      bodyBytes: 6,
      path: '/a',
      interface: 'org.example.Face',
      member: 'Method',
      errorName: 'org.example.Error',
      replySerial: 9,
      destination: 'org.example.Name',
      sender: ':1.2',
      signature: 's',
      descriptors: 3,
    });
  });
}

test('a head is read wherever it begins, and says what was written', (t) => {
  const message = writeMessage({
    type: 1,
    serial: 5,
    path: '/org/freedesktop/DBus',
    member: 'AddMatch',
    destination: 'org.freedesktop.DBus',
    body: ["type='signal'", 4, ['a', 'bc']],
  });
  for (const before of [0, 1, 3, 8, 13]) {
    const read = parsed(Buffer.concat([Buffer.alloc(before, 0xff), message]), before);
    t.like(read, { member: 'AddMatch', serial: 5, interface: null, replySerial: null, signature: 'suas' });
    t.is(read.headBytes + read.bodyBytes, message.length);
  }
});

const refused: Readonly<Record<string, RawMessage>> = {
  'no byte order': { order: 0x6d },
  'another version': { version: 2 },
  'no type': { type: 0 },
  'a type that nobody knows': { type: 5 },
  'serial 0': { serial: 0 },
  'fields beyond any measure': { fieldBytes: 65_537 },
  'fields of 4 GiB': { fieldBytes: 0xffff_ffff },
  'a body beyond 128 MiB': { bodyBytes: 2 ** 27 },
  'a body of 4 GiB': { bodyBytes: 0xffff_ffff },
  'padding that is not zero': { padding: 1 },
  'a field 0': { fields: [...callFields, text(0, 'x')] },
  'a field twice': { fields: [...callFields, text(3, 'Method')] },
  'a path as a text': { fields: [text(1, '/a'), text(3, 'M')] },
  'a serial as a text': { fields: [...callFields, text(5, 'x')] },
  'a signature as a text': { fields: [...callFields, text(8, 's')] },
  'a variant of two types': { fields: [...callFields, { code: 20, type: 'uu', value: Buffer.alloc(8) }] },
  'a variant of none': { fields: [...callFields, { code: 20, type: '', value: Buffer.alloc(0) }] },
  'a type that there is not': { fields: [...callFields, { code: 20, type: 'z', value: Buffer.alloc(4) }] },
  'a boolean of 2': { fields: [...callFields, { code: 20, type: 'b', value: Buffer.from([2, 0, 0, 0]) }] },
  'an unknown field with a text that is no UTF-8': { fields: [...callFields, text(20, '\xff')] },
  'an unknown field with a text that holds a zero': { fields: [...callFields, text(20, 'a\0b')] },
  'an unknown field with a path that is none': {
    fields: [...callFields, { code: 20, type: 'o', value: 'a' }],
  },
  'a reply to serial 0': { fields: [...callFields, number(5, 0)] },
  'the path of what is inside of a process': { fields: [path('/org/freedesktop/DBus/Local'), text(3, 'M')] },
  'the interface of what is inside of a process': {
    fields: [path('/a'), text(3, 'M'), text(2, 'org.freedesktop.DBus.Local')],
  },
  'a path that is none': { fields: [path('/a//b'), text(3, 'M')] },
  'a member with a dot': { fields: [path('/a'), text(3, 'M.N')] },
  'an interface of one part': { fields: [...callFields.slice(0, 2), text(2, 'face'), text(3, 'M')] },
  'a destination of one part': { fields: [path('/a'), text(6, 'name'), text(3, 'M')] },
  'a sender that is none': { fields: [...callFields, text(7, ':1.')] },
  'a signature that is none': { fields: [...callFields, signature('a')], body: Buffer.alloc(4) },
  'a name of 256 bytes': { fields: [path('/a'), text(3, 'M'.repeat(256))] },
  'a name beyond ASCII': { fields: [path('/a'), text(3, 'M\xe9')] },
  'a name with a zero': { fields: [path('/a'), text(3, 'M\0')] },
  'a call without a path': { fields: [text(3, 'M')] },
  'a call without a member': { fields: [path('/a')] },
  'no fields': { fields: [] },
  'a signal without an interface': { type: 4, fields: [path('/a'), text(3, 'M')] },
  'an answer to nothing': { type: 2, fields: [] },
  'an error without a name': { type: 3, fields: [number(5, 1)] },
  'a body without a signature': { body: Buffer.alloc(4) },
  'a signature without a body': { fields: [...callFields, signature('s')] },
  'fields that end in the middle of one': { fieldBytes: 20 },
  'fields that go on beyond the last': { fieldBytes: rawMessage().length - 16 + 8, body: Buffer.alloc(64) },
};

for (const [what, message] of Object.entries(refused)) {
  test(`[LINK-6] refused: ${what}`, (t) => {
    t.throws(() => parsed(rawMessage(message)), { instanceOf: ProtocolViolation });
  });
}

test('a text that claims to be longer than its field is refused, whatever it claims', (t) => {
  const message = rawMessage({ fields: [path('/aaaa'), text(3, 'M')] });
  const at = message.indexOf('/aaaa') - 4;
  for (const length of [4, 6, 7, 30, 60, 2 ** 16, 2 ** 31, 2 ** 32 - 1, 2 ** 32 - 4]) {
    message.writeUInt32LE(length, at);
    t.throws(() => parsed(message), { instanceOf: ProtocolViolation }, `${length}`);
  }
  message.writeUInt32LE(5, at);
  t.is(parsed(message).path, '/aaaa');
});

test('fields that nobody knows yet are not looked at, if they are of a basic type', (t) => {
  const unknown = [
    text(200, 'é'),
    number(201, 7),
    { code: 202, type: 'y', value: Buffer.from([1]) },
    { code: 203, type: 'b', value: Buffer.from([1, 0, 0, 0]) },
    { code: 204, type: 't', value: Buffer.concat([Buffer.alloc(4), Buffer.alloc(8, 0xff)]) },
    { code: 205, type: 'g', value: 'a{sv}' },
  ];
  // What is a text is bytes here.
  const bytes = unknown.map((field) =>
    typeof field.value === 'string'
      ? { ...field, value: Buffer.from(field.value).toString('latin1') }
      : field,
  );
  for (const field of bytes)
    t.is(parsed(rawMessage({ fields: [...callFields, field] })).member, 'Method', field.type);
});

test('too few bytes are no message yet, and no violation', (t) => {
  const message = rawMessage();
  for (let length = 0; length < 16; length += 1) t.is(headBytesAt(message.subarray(0, length), 0), null);
  t.is(headBytesAt(message.subarray(0, 16), 0), message.length);
});
