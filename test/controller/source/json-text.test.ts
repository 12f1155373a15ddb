import test from 'ava';
import { readJsonText } from '../../../controller/source/json-text.ts';
import { MAX_FINDINGS, MAX_JSON_BYTES, MAX_NESTING } from '../../../state/limits.ts';

const name = { file: 'web/run.json', pointer: '/web~1run.json' };

/** `severity code pointer line:column`, one for each finding. */
function findings(text: string | Uint8Array): readonly string[] {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  return readJsonText(bytes, name).findings.map(
    ({ severity, code, pointer, location }) =>
      `${severity} ${code} ${pointer} ${location?.line}:${location?.column}`,
  );
}

const mistakes: Readonly<Record<string, string>> = {
  '': '1:1',
  '{"a":1,}': '1:8',
  '{"a" 1}': '1:6',
  '{\n  "a": 01\n}': '2:9',
  '{a: 1}': '1:2',
  "{'a': 1}": '1:2',
  '// comment\n{}': '1:1',
  '{} {}': '1:4',
  '[1 2]': '1:4',
  '[1,,2]': '1:4',
  '{"a": "\t"}': '1:7',
  '{"a": "\\x"}': '1:7',
  '{"a": "unterminated': '1:7',
  '{"a":\r\n NaN}': '2:2',
  '{"a": 1': '1:8',
  '\u00a0{}': '1:1',
  '{"a": +1}': '1:7',
};

for (const [text, place] of Object.entries(mistakes)) {
  test(`[REV-8] ${JSON.stringify(text)} is refused, and its place is named`, (t) => {
    t.deepEqual(findings(text), [`error BadJson /web~1run.json ${place}`]);
    t.is(readJsonText(Buffer.from(text), name).value, undefined);
  });
}

test('[REV-8] bytes that are no UTF-8 are refused, UTF-16 among them', (t) => {
  t.deepEqual(findings(Uint8Array.of(0x22, 0xff, 0x22)), ['error NotUtf8 /web~1run.json 1:1']);
  t.deepEqual(findings(Buffer.from('\ufeff{}', 'utf16le')), ['error NotUtf8 /web~1run.json 1:1']);
});

test('a byte order mark is passed over with a warning', (t) => {
  t.deepEqual(findings('\ufeff{"a":1}'), ['warning ByteOrderMark /web~1run.json 1:1']);
  t.deepEqual(readJsonText(Buffer.from('\ufeff{"a":1}'), name).value, { a: 1 });
});

test('[REV-8] a member that stands twice in one object is refused, and only that', (t) => {
  t.deepEqual(findings('{"a":{"b":1},\n "c":[{"b":1},{"b":2,\n"b":3}],"b":1}'), [
    'error DuplicateMember /web~1run.json/c/1/b 3:1',
  ]);
  t.deepEqual(findings('{"a":1,"\\u0061":2}'), ['error DuplicateMember /web~1run.json/a 1:8']);
});

test('[REV-8] numbers that would change silently are reported', (t) => {
  t.deepEqual(findings('[1e999, 9007199254740991, 9007199254740993, 0.1, -1e400]'), [
    'error NumberTooLarge /web~1run.json/0 1:2',
    'warning NumberInexact /web~1run.json/2 1:27',
    'error NumberTooLarge /web~1run.json/4 1:50',
  ]);
});

test('[REV-8] nesting up to the limit is taken, one level more is refused, a million overflow nothing', (t) => {
  const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
  t.deepEqual(findings(nested(MAX_NESTING)), []);
  t.deepEqual(findings(nested(MAX_NESTING + 1)), [`error TooDeep /web~1run.json 1:${MAX_NESTING + 1}`]);
  t.deepEqual(findings('{"a":'.repeat(1_000_000)), [`error TooDeep /web~1run.json 1:${5 * MAX_NESTING + 1}`]);
  t.deepEqual(findings(`["${'['.repeat(1000)}\\"[["]`), [], 'brackets in strings do not count');
});

test('[REV-8] a text over the limit is refused before it is looked at', (t) => {
  t.deepEqual(findings(Buffer.alloc(MAX_JSON_BYTES + 1)), ['error TooLarge /web~1run.json 1:1']);
});

test('[REV-8] a text full of mistakes has a limited number of findings', (t) => {
  t.is(
    findings(
      `{${Array(2 * MAX_FINDINGS)
        .fill('"a":1')
        .join(',')}}`,
    ).length,
    MAX_FINDINGS,
  );
});

for (const [text, code] of [
  ['{"a":9007199254740992}', 'NumberInexact'],
  ['[1e+21]', 'NumberInexact'],
  ['{\n  "a": -9007199254740992\n}\n', 'NumberInexact'],
  ['{"a":1,"a":1}', 'DuplicateMember'],
] as const) {
  test(`[REV-8] what is written as a program writes it is doubted all the same: ${JSON.stringify(text)}`, (t) => {
    t.regex(findings(text).join(), new RegExp(`^\\w+ ${code} `));
  });
}
