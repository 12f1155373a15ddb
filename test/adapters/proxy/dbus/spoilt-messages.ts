import type { RandomBytes } from '../builtin/random-bytes.ts';
import {
  number,
  path,
  type RawField,
  type RawMessage,
  rawMessage,
  signature,
  text,
  textBody,
} from './raw-message.ts';

const names = [
  'org.example.Name',
  'a.b',
  ':1.1',
  ':1.1.1',
  'a',
  '',
  'a..b',
  '.a.b',
  'a.1',
  'a-b.c',
  'é.b',
  'a.b\0',
  'org.freedesktop.DBus.Local',
  'org.freedesktop.DBus',
  `a.${'b'.repeat(253)}`,
  `a.${'b'.repeat(254)}`,
];
const paths = ['/', '/a', '/a/b', '', 'a', '/a/', '//', '/a b', '/org/freedesktop/DBus/Local', '/a\0'];
const members = ['M', 'm_1', '', '1', 'a.b', 'a-b', 'M\0', 'x'.repeat(256)];
const signatures = ['', 's', 'a{sv}', 'z', 'a', '(', '()', 'ss', 'y', 'u', `${'a'.repeat(33)}y`];

function field(random: RandomBytes): RawField {
  const code = random.below(13);
  switch (random.below(9)) {
    case 0:
      return path(random.one(paths));
    case 1:
      return text(2 + random.below(6), random.one([...names, ...members]));
    case 2:
      return signature(random.one(signatures));
    case 3:
      return number(random.below(2) === 0 ? 5 : code, random.below(3));
    case 4:
      return {
        code,
        type: random.one(['o', 's', 'g']),
        value: random.one([...paths, ...names, ...signatures]),
      };
    case 5:
      return { code: 11 + random.below(200), type: 'b', value: Buffer.from([random.below(3), 0, 0, 0]) };
    case 6:
      return {
        code: 11 + random.below(200),
        type: random.one(['y', 'ynq', 'z', 'e', '']),
        value: Buffer.from([1]),
      };
    default:
      return text(3, random.one(members));
  }
}

/** What a bus could be sent: each part of it right, as a rule, or one that is not. Never with descriptors. */
export function spoiltMessage(random: RandomBytes, destination: string): Buffer {
  const rarely = (): boolean => random.below(24) === 0;
  const big = random.below(4) === 0;
  const fields: RawField[] = [path('/a'), text(6, destination), text(2, 'org.example.Face'), text(3, 'M')];
  const hasBody = random.below(2) === 0;
  if (hasBody) fields.push(signature('s'));
  for (let changes = random.below(4) - 1; changes > 0; changes -= 1) {
    const at = random.below(fields.length);
    if (random.below(3) === 0) fields.splice(at, 1);
    else fields.splice(at, random.below(2), field(random));
  }
  const body = hasBody ? textBody('x', big) : Buffer.alloc(0);
  const message: RawMessage = {
    order: rarely() ? random.below(256) : big ? 'B' : 'l',
    type: rarely() ? random.below(5) : 1 + random.below(4),
    flags: random.below(8),
    version: rarely() ? random.below(3) : 1,
    serial: rarely() ? 0 : 77,
    fields: fields.filter(({ code }) => code !== 9),
    body,
    padding: rarely() ? 1 : 0,
    ...(rarely() && { bodyBytes: Math.max(0, body.length + random.below(9) - 4) }),
    ...(rarely() && { fieldBytes: random.below(120) }),
  };
  const bytes = rawMessage(message);
  // Any byte of the head.
  if (rarely()) bytes[random.below(bytes.length - body.length)] = random.below(256);
  return bytes;
}
