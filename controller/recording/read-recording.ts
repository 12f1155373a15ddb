import { createReadStream } from 'node:fs';
import { isJsonObject, type JsonObject } from '../../state/json.ts';
import type { Input } from '../input.ts';
import { longestRecordingLineBytes } from '../options.ts';
import { type RecordedInput, type RunHeader, recordingFormat, recordingVersion } from './recording.ts';

/** An input as it is read. Its steps are read when they are asked for: text that is as expected need not be. */
export interface ReadInput extends Pick<RecordedInput, 'input' | 'failed'> {
  /** The steps as they stand on the line; null where only reading them can tell. */
  readonly stepsText: string | null;
  /** Throws a RecordingError where the text is no list. */
  readonly steps: () => RecordedInput['steps'];
}

/** One line of a recording, and its number from 1. */
export type RecordingLine = { readonly line: number } & (
  | { readonly type: 'run'; readonly header: RunHeader }
  | { readonly type: 'input'; readonly recorded: ReadInput }
  /** The last line has no end: whoever wrote it was killed. Nothing of it is known. */
  | { readonly type: 'torn'; readonly bytes: number }
);

/** A file is no recording, or is one that was damaged, or is too new. */
export class RecordingError extends Error {
  override readonly name = 'RecordingError';
  readonly line: number;

  constructor(line: number, found: string, expected: string) {
    super(`line ${line}: found ${found}, expected ${expected}`);
    this.line = line;
  }
}

const lineFeed = 0x0a;

/** Compiler-checked to name every input, so that a new one cannot be forgotten here. */
const inputTypes: Readonly<Record<Input['type'], true>> = {
  start: true,
  revision: true,
  persisted: true,
  listed: true,
  'list-failed': true,
  observed: true,
  relist: true,
  'step-ended': true,
  timer: true,
  'reboot-failed': true,
};

/** The object on a line; null where there is no JSON object. */
function objectOn(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}

function readHeader(line: number, { version, revision, state, texts, leases, options }: JsonObject): void {
  if (version !== recordingVersion) {
    const known = `${recordingVersion}: replay it with the Holdfast that made it`;
    throw new RecordingError(line, `format version ${JSON.stringify(version)}`, known);
  }
  const objects = [state, texts, options].every((member) => member !== undefined && isJsonObject(member));
  if (!objects || typeof revision !== 'number' || !Array.isArray(leases)) {
    throw new RecordingError(
      line,
      'a run that does not say what it began with',
      'revision, state, texts, leases, options',
    );
  }
}

const inputHead = '{"input":';
const stepsHead = ',"steps":';

/**
 * Reads a line as a recorder writes it, but for its steps, which are half of it; null where it is not written that way. What is before
 * the last `,"steps":` is whole JSON only where that is the member of the line itself.
 */
function readSwiftly(line: number, text: string): RecordingLine | null {
  if (!text.startsWith(inputHead) || !text.endsWith(']}')) return null;
  const border = text.lastIndexOf(stepsHead);
  const input = objectOn(text.slice(inputHead.length, border));
  if (input === null) return null;
  checkInput(line, input);
  const stepsText = text.slice(border + stepsHead.length, -1);
  const steps = () => stepsOn(line, text);
  return { line, type: 'input', recorded: { input: input as unknown as Input, stepsText, steps } };
}

function stepsOn(line: number, text: string): RecordedInput['steps'] {
  const value = objectOn(text);
  if (value !== null && Array.isArray(value.steps)) return value.steps as unknown as RecordedInput['steps'];
  throw new RecordingError(line, `no list of steps: ${excerpt(text)}`, '{"input": …, "steps": […]}');
}

function readInput(line: number, { input, steps, failed }: JsonObject): RecordingLine {
  if (input === undefined || !isJsonObject(input) || !Array.isArray(steps))
    throw new RecordingError(line, 'neither a run nor an input', '{"input": …, "steps": […]}');
  checkInput(line, input);
  const read = steps as unknown as RecordedInput['steps'];
  const recorded = { input: input as unknown as Input, stepsText: null, steps: () => read };
  return {
    line,
    type: 'input',
    recorded: failed === undefined ? recorded : { ...recorded, failed: String(failed) },
  };
}

function checkInput(line: number, input: JsonObject): void {
  if (typeof input.at !== 'number')
    throw new RecordingError(line, `an input at ${JSON.stringify(input.at)}`, 'milliseconds since the epoch');
  if (typeof input.type !== 'string' || !Object.hasOwn(inputTypes, input.type))
    throw new RecordingError(
      line,
      `an input of type ${JSON.stringify(input.type)}`,
      Object.keys(inputTypes).join(', '),
    );
}

/** Reads one whole line. Throws a RecordingError when it is none of a recording. */
export function readLine(line: number, text: string): RecordingLine {
  const swift = readSwiftly(line, text);
  if (swift !== null && line > 1) return swift;
  const value = objectOn(text);
  if (value === null)
    throw new RecordingError(line, `no JSON object: ${excerpt(text)}`, 'a line of a recording');
  if (value.format === recordingFormat) {
    readHeader(line, value);
    return { line, type: 'run', header: value as unknown as RunHeader };
  }
  if (line === 1)
    throw new RecordingError(1, `no recording: ${excerpt(text)}`, `{"format":"${recordingFormat}", …}`);
  return readInput(line, value);
}

function excerpt(text: string): string {
  return text.length <= 60 ? JSON.stringify(text) : `${JSON.stringify(text.slice(0, 60))}…`;
}

/** A line that has no end is whole if it is JSON: no beginning of a JSON object is. */
function readLast(line: number, bytes: Buffer): RecordingLine {
  const text = bytes.toString();
  return objectOn(text) === null ? { line, type: 'torn', bytes: bytes.length } : readLine(line, text);
}

/**
 * The lines of a recording, from chunks of its bytes. Holds one line at a time. Rejects with a RecordingError that names the
 * line where it is damaged; a last line without an end is no damage, but `torn`. Lines end with a line feed and nothing
 * else: text inside may have any other line separator of Unicode.
 */
export async function* recordingLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<RecordingLine> {
  let line = 0;
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      line += 1;
      const rest = chunk.subarray(start, end);
      yield readLine(line, (parts.length === 0 ? rest : Buffer.concat([...parts, rest])).toString());
      [parts, length, start] = [[], 0, end + 1];
    }
    parts.push(chunk.subarray(start));
    length += chunk.length - start;
    if (length > longestRecordingLineBytes)
      throw new RecordingError(line + 1, `more than ${length} bytes without an end`, 'a line of a recording');
  }
  if (length > 0) yield readLast(line + 1, Buffer.concat(parts));
  else if (line === 0) throw new RecordingError(1, 'an empty file', 'a recording');
}

/** The lines of the recording at `path`. Rejects as `recordingLines`, or with what the system says. */
export function readRecording(path: string): AsyncGenerator<RecordingLine> {
  return recordingLines(createReadStream(path, { highWaterMark: 1 << 20 }));
}
