import test from 'ava';
import { BusHandshake, introduction } from '../../../../adapters/proxy/dbus/bus-handshake.ts';
import { ClientHandshake } from '../../../../adapters/proxy/dbus/client-handshake.ts';

const guid = '0123456789abcdef'.repeat(2);
const okay = `OK ${guid}\r\n`;
const rejected = 'REJECTED EXTERNAL\r\n';
const noDescriptors = 'ERROR "file descriptors are not passed"\r\n';
const unexpected = 'ERROR "not expected here"\r\n';

/** All that is said to a client that sends this in pieces, how it ends, and what is left for messages. */
function shaken(text: string, pieces: readonly number[], as: string | null = guid) {
  const handshake = new ClientHandshake(as);
  const bytes = Buffer.from(text, 'latin1');
  let said = '';
  const reused = Buffer.alloc(bytes.length);
  for (const [index, from] of pieces.entries()) {
    const to = pieces[index + 1] ?? bytes.length;
    // What was read is overwritten by what is read next.
    const piece = reused.subarray(0, bytes.copy(reused, 0, from, to));
    const { say, state, rest } = handshake.push(piece);
    said += say;
    if (state !== 'goes on') return { said, state, rest: rest.toString('latin1') + text.slice(to) };
  }
  return { said, state: 'goes on' as const, rest: '' };
}

const conversations: Readonly<
  Record<string, readonly [string, string, 'done' | 'refused' | 'goes on', string?]>
> = {
  'as libdbus does': [
    '\0AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\nl\x01',
    okay + noDescriptors,
    'done',
    'l\x01',
  ],
  'as sd-bus does, all at once, with a message behind': [
    '\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\nl\x01\r\n',
    `DATA\r\n${okay}${noDescriptors}`,
    'done',
    'l\x01\r\n',
  ],
  'as GDBus does, which asks first': ['\0AUTH\r\nAUTH EXTERNAL 30\r\nBEGIN\r\n', rejected + okay, 'done', ''],
  'another user': ['\0AUTH EXTERNAL 3432\r\nBEGIN\r\n', okay, 'done', ''],
  'descriptors, asked for twice': [
    '\0AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n',
    okay + noDescriptors + noDescriptors,
    'done',
    '',
  ],
  'other mechanisms': [
    '\0AUTH ANONYMOUS\r\nAUTH DBUS_COOKIE_SHA1 30\r\nAUTH KERBEROS\r\nAUTH external 30\r\nAUTH EXTERNAL 30\r\nBEGIN\r\n',
    `${rejected.repeat(4)}${okay}`,
    'done',
    '',
  ],
  'a second thought': [
    '\0AUTH EXTERNAL\r\nCANCEL\r\nDATA\r\nAUTH EXTERNAL 30\r\nERROR "x"\r\n',
    `DATA\r\n${rejected}${unexpected}${okay}${rejected}`,
    'goes on',
  ],
  'what is no hexadecimal': ['\0AUTH EXTERNAL 3\r\nAUTH EXTERNAL xy\r\n', rejected + rejected, 'goes on'],
  'words that there are not': [
    '\0HELLO\r\n\r\nAUTH EXTERNAL 30\r\nFROBNICATE\r\n',
    `${unexpected}${unexpected}${okay}${unexpected}`,
    'goes on',
  ],
  'no byte of credentials': ['AUTH EXTERNAL 30\r\n', '', 'refused'],
  'BEGIN before anything': ['\0BEGIN\r\n', '', 'refused'],
  'BEGIN after a rejection': ['\0AUTH ANONYMOUS\r\nBEGIN\r\n', rejected, 'refused'],
  'BEGIN in the middle': ['\0AUTH EXTERNAL\r\nBEGIN\r\n', 'DATA\r\n', 'refused'],
};

for (const [what, [text, said, state, rest]] of Object.entries(conversations)) {
  test(`[LINK-6] a handshake comes to the same wherever its bytes are split: ${what}`, (t) => {
    const expected = { said, state, ...(rest !== undefined && { rest }) };
    t.like(shaken(text, [0]), expected);
    t.like(
      shaken(
        text,
        [...text].map((_, at) => at),
      ),
      expected,
      'byte by byte',
    );
    for (let at = 1; at < text.length; at += 1) t.like(shaken(text, [0, at]), expected, `at ${at}`);
  });
}

test('[LINK-6] who is not let in by the bus is let in by nobody', (t) => {
  const all = shaken('\0AUTH EXTERNAL 30\r\nAUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n', [0], null);
  t.like(all, { said: `${rejected}DATA\r\n${rejected}`, state: 'refused' });
});

test('[LINK-6] a handshake has 16 kB and 64 lines, and no byte more', (t) => {
  const full = `\0${'x'.repeat(16 * 1024 - 3)}\r\n`;
  t.like(shaken(full, [0]), { said: unexpected, state: 'goes on' });
  t.like(shaken(`${full}x`, [0]), { state: 'refused' });
  t.like(shaken(`\0${'x'.repeat(100_000)}`, [0]), { said: '', state: 'refused' });
  t.like(shaken(`\0${'x'.repeat(16 * 1024)}`, [0, 1, 8000]), { said: '', state: 'refused' });
  t.like(shaken(`\0${'\r\n'.repeat(64)}`, [0]), { said: unexpected.repeat(64), state: 'goes on' });
  const many = shaken(`\0${'\r\n'.repeat(8000)}AUTH EXTERNAL 30\r\nBEGIN\r\n`, [0]);
  t.is(many.state, 'refused');
  t.true(many.said.length < 4096, `${many.said.length}`);
});

test('a bus is told who comes, and its answer is understood wherever it is split', (t) => {
  t.is(introduction(1000), '\0AUTH EXTERNAL 31303030\r\n');
  const answers = {
    [okay]: { type: 'in', guid },
    'REJECTED EXTERNAL\r\n': { type: 'refused', why: 'REJECTED EXTERNAL' },
    'DATA\r\n': { type: 'refused', why: 'DATA' },
    [`${okay}x`]: { type: 'refused', why: `OK ${guid}` },
    'OK 12\r\n': { type: 'refused', why: 'OK 12' },
  } as const;
  for (const [text, answer] of Object.entries(answers)) {
    t.deepEqual(new BusHandshake().push(Buffer.from(text)), answer);
    const handshake = new BusHandshake();
    const said = [...text].map((byte) => handshake.push(Buffer.from(byte)));
    t.deepEqual(
      said.find((one) => one !== null),
      text.endsWith('x') ? { type: 'in', guid } : answer,
    );
  }
  t.like(new BusHandshake().push(Buffer.alloc(2000, 0x78)), { type: 'refused' });
});
