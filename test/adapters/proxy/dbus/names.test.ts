import test from 'ava';
import {
  isBusName,
  isInterface,
  isMember,
  isObjectPath,
  isSignature,
} from '../../../../adapters/proxy/dbus/names.ts';

const long = (count: number): string => 'a'.repeat(count);

const table: readonly (readonly [string, (text: string) => boolean, readonly string[], readonly string[]])[] =
  [
    ['member', isMember, ['M', '_', 'a1', long(255)], ['', '1a', 'a.b', 'a-b', 'a\n', 'é', long(256)]],
    [
      'interface',
      isInterface,
      ['a.b', 'a._1', 'org.example.Thing2', `a.${long(253)}`],
      ['', 'a', '.a', 'a.', 'a..b', 'a.1', 'a-b.c', 'a.b\n', ':1.2', `a.${long(254)}`],
    ],
    [
      'bus name',
      isBusName,
      ['a.b', 'a-b.c-d', '-.-', ':1.2', ':1.2.3', ':a.-', ':1', ':', 'org.example._7'],
      ['', 'a', ':1.', ':1..2', ':a b', 'a.1', '.a.b', 'a..b', 'a.b ', 'a:b.c', ':1.2\n', `:1.${long(253)}`],
    ],
    [
      'object path',
      isObjectPath,
      ['/', '/a', '/a/b_1', `/${long(5000)}`],
      ['', 'a', '/a/', '//', '/a//b', '/a-b', '/é', '/a\n'],
    ],
    [
      'signature',
      isSignature,
      [
        '',
        's',
        'a{sv}',
        '(i(ss)av)',
        'aaaas',
        'a{s(ii)}',
        `${'a'.repeat(32)}s`,
        `${'('.repeat(32)}s${')'.repeat(32)}`,
      ],
      [
        'a',
        'z',
        '()',
        '(s',
        's)',
        '{sv}',
        'a{vs}',
        'a{s}',
        'a{svv}',
        'a{ss',
        'a{(i)s}',
        'r',
        'e',
        's\0',
        `${'a'.repeat(33)}s`,
        `${'('.repeat(33)}s${')'.repeat(33)}`,
      ],
    ],
  ];

for (const [what, isValid, right, wrong] of table) {
  test(`the specification's words on what is a ${what}`, (t) => {
    for (const one of right) t.true(isValid(one), one.slice(0, 60));
    for (const one of wrong) t.false(isValid(one), JSON.stringify(one.slice(0, 60)));
  });
}
