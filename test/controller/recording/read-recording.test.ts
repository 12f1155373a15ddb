import test from 'ava';
import { RecordingError, type RecordingLine } from '../../../controller/recording/read-recording.ts';
import { headerOf, linesOf } from './recorded-device.ts';

const header = JSON.stringify(headerOf());
const start = '{"input":{"type":"start","at":1},"steps":[]}';

/** The lines, each with its steps read. */
async function read(text: string, chunkBytes?: number) {
  const lines: (RecordingLine | { readonly line: number; readonly type: 'input'; readonly read: object })[] =
    [];
  for await (const line of linesOf(text, chunkBytes)) {
    if (line.type !== 'input') lines.push(line);
    else {
      const { steps, ...rest } = line.recorded;
      lines.push({ line: line.line, type: 'input', read: { ...rest, steps: steps() } });
    }
  }
  return lines;
}

test('lines are the same however the bytes come in', async (t) => {
  const odd = JSON.stringify({ input: { type: 'relist', reason: 'ü\u2028\u2029\r€😀', at: 2 }, steps: [] });
  const text = `${header}\n${start}\n${odd}\n`;
  const whole = await read(text, 1_000_000);
  t.deepEqual(
    whole.map(({ line, type }) => [line, type]),
    [
      [1, 'run'],
      [2, 'input'],
      [3, 'input'],
    ],
  );
  for (const chunkBytes of [1, 2, 3, 7, 64]) t.deepEqual(await read(text, chunkBytes), whole);
});

test('[REPLAY-2] a last line that is torn is left out, and said', async (t) => {
  const text = `${header}\n${start}\n`;
  for (let length = 1; length < start.length; length += 1) {
    const lines = await read(text + start.slice(0, length));
    t.deepEqual(lines.at(-1), { line: 3, type: 'torn', bytes: length });
    t.is(lines.length, 3);
  }
  t.is((await read(text + start)).at(-1)?.type, 'input', 'all but its end is there');
  t.deepEqual((await read(`${text}\0\0\0`)).at(-1), { line: 3, type: 'torn', bytes: 3 });
});

test('an input is read the same wherever `steps` stands, also as a member within', async (t) => {
  const input = { type: 'relist', reason: ',"steps":[]}', steps: [1], at: 2 };
  const steps = [{ id: 1, step: { spec: { a: 1, steps: [] } } }];
  for (const text of [
    { input, steps },
    { steps, input },
    { input, steps, failed: 'a mistake' },
  ]) {
    const [, line] = await read(`${header}\n${JSON.stringify(text)}\n`);
    t.like(line, { line: 2, type: 'input', read: text });
  }
});

const damaged: readonly (readonly [name: string, text: string, message: RegExp])[] = [
  ['nothing', '', /^line 1: found an empty file, expected a recording$/],
  ['another file', 'hello\n', /^line 1: found no JSON object: "hello", expected a line of a recording$/],
  [
    'another JSON file',
    '{"a":1}\n',
    /^line 1: found no recording: "{\\"a\\":1}", expected \{"format":"holdfast-recording"/,
  ],
  [
    'a later version',
    `${header.replace('"version":2', '"version":3')}\n`,
    /^line 1: found format version 3, expected 2: replay it/,
  ],
  [
    'a run without leases',
    `${header.replace('"leases":[]', '"leases":0')}\n`,
    /^line 1: found a run that does not say/,
  ],
  ['a line in the middle', `${header}\n{"input":\n${start}\n`, /^line 2: found no JSON object/],
  [
    'a hole in the middle',
    `${header}\n${start}\n\0\0\0\n${start}\n`,
    /^line 3: found no JSON object: "\\u0000/,
  ],
  ['a list', `${header}\n[]\n`, /^line 2: found no JSON object/],
  [
    'an input of no time',
    `${header}\n{"input":{"type":"start"},"steps":[]}\n`,
    /^line 2: found an input at undefined, expected milliseconds/,
  ],
  [
    'an input of no known type',
    `${header}\n{"input":{"type":"valueOf","at":1},"steps":[]}\n`,
    /^line 2: found an input of type "valueOf", expected start, revision/,
  ],
  [
    'steps that are cut short',
    `${header}\n{"input":{"type":"start","at":1},"steps":[{]}\n`,
    /^line 2: found no list of steps/,
  ],
  [
    'an input without steps',
    `${header}\n{"input":{"type":"start","at":1}}\n`,
    /^line 2: found neither a run nor an input/,
  ],
];

for (const [name, text, message] of damaged) {
  test(`[REPLAY-2] a damaged recording is refused by line: ${name}`, async (t) => {
    const error = await t.throwsAsync(read(text), { instanceOf: RecordingError });
    t.regex(error?.message ?? '', message);
  });
}
