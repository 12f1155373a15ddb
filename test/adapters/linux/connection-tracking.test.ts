import test from 'ava';
import { readConnection } from '../../../adapters/linux/connection-tracking.ts';
import {
  decodeAttributes,
  decodeMessages,
  encodeAttribute,
  encodeMessage,
} from '../../../adapters/linux/netlink.ts';

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const attribute = (type: number, ...payload: readonly Buffer[]) =>
  encodeAttribute(type, Buffer.concat(payload));

function tuple(type: number, from: string, to: string, ports: string, protocol = '06'): Buffer {
  const [source = '', destination = ''] = ports.split(' ');
  return attribute(
    type | 0x8000,
    attribute(0x8001, attribute(1, bytes(from)), attribute(2, bytes(to))),
    attribute(
      0x8002,
      attribute(1, bytes(protocol)),
      attribute(2, bytes(source)),
      attribute(3, bytes(destination)),
    ),
  );
}

const header = bytes('02000000');
const original = tuple(1, 'c6336402', 'c6336401', '9c40 0050');
const reply = tuple(2, '0a500102', 'c6336402', '1f90 9c40');
const status = attribute(3, bytes('000001ae'));
const id = attribute(12, bytes('01020304'));

test('[ING-9] a tracked connection says where it was to go, who answers, and how the kernel knows it', (t) => {
  const read = readConnection(Buffer.concat([header, original, reply, status, id]));
  t.like(read, { address: '198.51.100.1', port: 80, toAddress: '10.80.1.2', toPort: 8080 });
  t.deepEqual(read?.identity, Buffer.concat([original, id]));
});

const others: readonly (readonly [string, Buffer])[] = [
  [
    'one that goes where it was to go',
    Buffer.concat([header, original, reply, attribute(3, bytes('0000018e'))]),
  ],
  ['one of udp', Buffer.concat([header, tuple(1, 'c6336402', 'c6336401', '9c40 0050', '11'), reply, status])],
  [
    'one of IPv6',
    Buffer.concat([header, tuple(1, '00'.repeat(16), '00'.repeat(16), '9c40 0050'), reply, status]),
  ],
  ['one without an answer', Buffer.concat([header, original, status])],
  ['one that is cut off', Buffer.concat([header, original, reply, status]).subarray(0, 60)],
  ['nothing', Buffer.alloc(0)],
];

for (const [what, payload] of others) {
  test(`[ING-9] ${what} is no connection of a forward`, (t) => {
    t.is(readConnection(payload), null);
  });
}

test('messages and attributes of netlink are read as they are written', (t) => {
  const [one, two] = [attribute(1, bytes('0a')), attribute(0x8002, bytes('0b0c0d0e0f'))];
  t.is(one.length % 4, 0);
  t.deepEqual(decodeAttributes(Buffer.concat([one, two])), [
    { type: 1, payload: bytes('0a') },
    { type: 2, payload: bytes('0b0c0d0e0f') },
  ]);
  const message = encodeMessage(20, 0x300, one);
  t.deepEqual(decodeMessages(Buffer.concat([message, message])), [
    { type: 20, payload: one },
    { type: 20, payload: one },
  ]);
});

test('[REV-8] a length that cannot be ends the reading', (t) => {
  for (const length of ['0000', '0300', 'ff00'])
    t.deepEqual(
      decodeAttributes(Buffer.concat([attribute(1, bytes('0a')), bytes(`${length} 0100 00000000`)])),
      [{ type: 1, payload: bytes('0a') }],
    );
});
