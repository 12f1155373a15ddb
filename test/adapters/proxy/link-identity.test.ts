import test from 'ava';
import { identityText, isSameLink, linkKey, requireServable } from '../../../adapters/proxy/link-identity.ts';
import { ProxyError, type RestListener } from '../../../adapters/proxy/proxy.ts';

const link: RestListener = {
  name: 'a',
  type: 'rest',
  path: '/r/a.sock',
  backend: { type: 'socket', path: '/r/own' },
  client: 'consumer',
  role: 'any',
};

const texts: readonly (readonly [text: string, header: string])[] = [
  ['plain-1_2.3', 'plain-1_2.3'],
  ['a b', 'a%20b'],
  ['a\r\nX-PV-Role: root', 'a%0D%0AX-PV-Role:%20root'],
  ['%0A', '%250A'],
  ['"\'`\\{}#;|$[]', '"\'`\\{}#;|$[]'],
  ['é', '%C3%A9'],
  ['\u{1f600}', '%F0%9F%98%80'],
  ['\0\t\x7f', '%00%09%7F'],
  ['\ud800', '%EF%BF%BD'],
];

for (const [text, header] of texts) {
  test(`[LINK-5] a header tells ${JSON.stringify(text)} as ${header}`, (t) => {
    t.is(identityText(text), header);
    t.regex(identityText(text), /^[!-~]*$/);
  });
}

test('[LINK-5] links are the same where all of them is', (t) => {
  t.true(isSameLink(link, { ...link, backend: { ...link.backend } }));
  t.is(linkKey(link), linkKey({ ...link }));
  for (const other of [
    { ...link, name: 'b' },
    { ...link, path: '/r/b.sock' },
    { ...link, backend: { type: 'socket', path: '/r/other' } as const },
    { ...link, client: 'other' },
    { ...link, role: 'admin' },
  ]) {
    t.false(isSameLink(link, other));
    t.not(linkKey(link), linkKey(other));
  }
});

test('what no proxy can serve is refused, with the link', (t) => {
  const refused = (...links: readonly RestListener[]) => {
    const error = t.throws(() => requireServable(links), { instanceOf: ProxyError }) as ProxyError;
    t.is(error.code, 'ProxyConfigurationRefused');
    return [error.listener, error.message] as const;
  };
  t.notThrows(() => requireServable([link, { ...link, name: 'b', path: '/r/b.sock' }]));
  t.deepEqual(refused(link, { ...link, name: 'b' }), [
    'b',
    "link 'b' can't be had: 'a' listens at /r/a.sock, too",
  ]);
  t.regex(refused({ ...link, path: 'r/a.sock' })[1], /found the path "r\/a\.sock"; expected an absolute one/);
  t.regex(refused({ ...link, path: '/a\nb' })[1], /without controls/);
  t.regex(refused({ ...link, path: `/${'a'.repeat(100)}` })[1], /at most 100 bytes/);
  t.regex(refused({ ...link, backend: { type: 'socket', path: '' } })[1], /found the path ""/);
  t.regex(refused({ ...link, client: '' })[1], /has 0 bytes; expected 1 to 1024/);
  t.regex(refused({ ...link, role: 'é'.repeat(200) })[1], /has 1200 bytes/);
  t.notThrows(
    () => requireServable([{ ...link, role: '' }], () => true),
    'what is known was looked at before',
  );
  t.throws(() => requireServable([link, { ...link, name: 'b' }], () => true), { message: /listens at/ });
});
