import test from 'ava';
import type { Json } from '../../state/json.ts';
import { MAX_ENTRIES, MAX_FINDINGS } from '../../state/limits.ts';
import { validateEntry, validateFlat } from '../../state/validate.ts';

const sha256 = 'a'.repeat(64);

const entries: readonly (readonly [path: string, value: Json, code: string | null])[] = [
  ['#spec', 'pantavisor-service-system@1', null],
  ['#spec', 1, 'StateSpecUnknown'],
  ['web/root.squashfs', sha256, null],
  ['web/root.squashfs', sha256.toUpperCase(), 'NotADigest'],
  ['web/root.squashfs', null, 'NotADigest'],
  ['README.md', sha256, null],
  ['bsp/run.json', { linux: 'kernel.img' }, null],
  ['_sigs/web.json', { any: ['thing'] }, null],
  ['_config/web/etc/a b/ü.conf', sha256, null],
  ['_config/web/etc/settings.json', [1, 2], null],
  ['constructor/run.json', {}, null],
  ['', sha256, 'PathRefused'],
  ['/web/root', sha256, 'PathRefused'],
  ['web//root', sha256, 'PathRefused'],
  ['web/', sha256, 'PathRefused'],
  ['web/./root', sha256, 'PathRefused'],
  ['../web/root', sha256, 'PathRefused'],
  ['web/..', sha256, 'PathRefused'],
  ['web/...', sha256, null],
  ['web/__proto__', sha256, 'PathRefused'],
  ['web/a\tb', sha256, 'PathRefused'],
  ['web/a\u0085b', sha256, 'PathRefused'],
  ['web/\ud800', sha256, 'PathRefused'],
  [`web/${'n'.repeat(255)}`, sha256, null],
  [`web/${'n'.repeat(256)}`, sha256, 'PathRefused'],
  [`web/${'ü'.repeat(128)}`, sha256, 'PathRefused'],
  [`web/${'n/'.repeat(2050)}n`, sha256, 'PathRefused'],
];

for (const [path, value, code] of entries) {
  test(`[REV-1] [REV-8] ${JSON.stringify(path).slice(0, 60)} with ${JSON.stringify(value).slice(0, 20)} is ${code ?? 'in order'}`, (t) => {
    t.deepEqual(
      validateEntry(path, value).map((one) => one.code),
      code === null ? [] : [code],
    );
  });
}

test('[REV-8] a member named __proto__ is found wherever it stands, and nothing inherits from it', (t) => {
  const document = JSON.parse('{"a": [{"b": {"__proto__": {"polluted": true}}}]}');
  t.deepEqual(
    validateEntry('x.json', document).map(({ code, pointer }) => [code, pointer]),
    [['HostileName', '/x.json/a/0/b/__proto__']],
  );
  t.is(({} as Record<string, unknown>).polluted, undefined);
});

test('[REV-8] nesting is limited, at 64 levels', (t) => {
  const nested = (levels: number): Json => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
  t.deepEqual(validateEntry('x.json', nested(64)), []);
  t.deepEqual(
    validateEntry('x.json', nested(65)).map(({ code, pointer }) => [code, pointer]),
    [['TooDeep', `/x.json${'/0'.repeat(64)}`]],
  );
});

test('[REV-8] a document of more than a million values is refused', (t) => {
  t.deepEqual(validateEntry('x.json', new Array<Json>(999_999).fill(0)), []);
  t.deepEqual(
    validateEntry('x.json', new Array<Json>(1_000_000).fill(0)).map((one) => one.code),
    ['TooManyValues'],
  );
});

test('[REV-8] the entries of a state and its findings are limited', (t) => {
  const state = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`/${index}`, 1]));
  t.deepEqual(
    validateFlat(state(MAX_ENTRIES + 1)).map((one) => one.code),
    ['TooManyValues'],
  );
  t.is(validateFlat(state(5000)).length, MAX_FINDINGS);
});
