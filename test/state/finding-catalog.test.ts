import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { acceptable, excerpt, quote } from '../../state/finding.ts';
import { catalogEntry, finding, findingCatalog } from '../../state/finding-catalog.ts';

test('every code has a title, an explanation and a remedy in whole sentences', (t) => {
  t.true(Object.keys(findingCatalog).length > 50);
  for (const [code, { title, explanation, remedy }] of Object.entries(findingCatalog)) {
    t.regex(code, /^[A-Z][A-Za-z0-9]+$/);
    for (const text of [title, explanation, remedy]) t.regex(text, /^[A-Z`"'0-9_].*[.?]$/, code);
    t.true(title.length <= 80, `${code}: ${title}`);
  }
});

test('what is no code has no entry, whatever objects inherit', (t) => {
  t.is(catalogEntry('NoSuchCode'), undefined);
  t.is(catalogEntry('constructor'), undefined);
  t.is(catalogEntry('__proto__'), undefined);
});

/** Source files in which codes of findings, conflicts and failures are written down. */
function sources(): readonly string[] {
  const root = new URL('../../', import.meta.url);
  return ['state', 'adapters', 'reconcilers', 'controller/source'].flatMap((directory) =>
    readdirSync(new URL(`${directory}/`, root), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(new URL(`${directory}/${file}`, root), 'utf8')),
  );
}

test('[REV-6] every code in the source can be explained', (t) => {
  const codes = new Set(
    sources().flatMap((text) =>
      [...text.matchAll(/\b(?:code: |finding\()'([A-Z][A-Za-z]*[a-z][A-Za-z]*)'/g)].flatMap(
        (match) => match[1] ?? [],
      ),
    ),
  );
  t.true(codes.size > 30);
  t.deepEqual(
    [...codes].filter((code) => catalogEntry(code) === undefined),
    [],
  );
});

test('a finding has the severity of its code, and an excerpt of what was found', (t) => {
  const details = { pointer: '/a', expected: 'b', message: 'found a, expected b' };
  const error = finding('WrongType', { ...details, found: 'x'.repeat(500), hint: null });
  t.is(error.severity, 'error');
  t.is(error.found, `${'x'.repeat(120)}…`);
  t.false('hint' in error);
  t.false(acceptable([error]));
  const warning = finding('UnknownField', { ...details, found: undefined, hint: 'c' });
  t.is(warning.severity, 'warning');
  t.is(warning.found, null);
  t.is(warning.hint, 'c');
  t.true(acceptable([warning]));
});

test('an excerpt is the value itself where it is short, and never half a character', (t) => {
  t.deepEqual(excerpt({ a: [1, null] }), { a: [1, null] });
  t.is(excerpt(false), false);
  t.is(excerpt('y'.repeat(120)), 'y'.repeat(120));
  t.is(excerpt(`${'y'.repeat(119)}😀`), `${'y'.repeat(119)}…`);
  t.is(excerpt([['z'.repeat(200)]]), `[["${'z'.repeat(117)}…`);
  t.is(quote('a\nb'), '"a\\nb"');
});
