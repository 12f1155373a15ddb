import { type ParseErrorCode, printParseErrorCode, visit } from 'jsonc-parser';
import type { Finding } from '../../state/finding.ts';
import type { Json } from '../../state/json.ts';
import { MAX_JSON_BYTES, MAX_NESTING } from '../../state/limits.ts';
import { doubtsOf, isBeyondDoubt, type TextProblem } from './json-doubts.ts';
import { positionAt } from './position.ts';
import { fileFinding } from './source-problem.ts';

/** What a JSON text says, and what is wrong with it. */
export interface JsonText {
  readonly text: string;
  /** Undefined exactly when the text is no JSON, or goes beyond a limit. */
  readonly value: Json | undefined;
  readonly findings: readonly Finding[];
}

/** Which text it is that is read, for findings. */
export interface JsonTextName {
  readonly file: string;
  /** JSON pointer into the flat state at which the document stands. */
  readonly pointer: string;
}

/**
 * Reads a JSON text strictly by RFC 8259, with I-JSON's care (RFC 7493) for what implementations understand differently:
 * UTF-8 only, no member twice, no number that would change silently. Never throws, however hostile the text (REV-8):
 * size and nesting are limited before anything recurses, and a member named `__proto__` is a member like any other
 * (validation refuses it).
 */
export function readJsonText(bytes: Uint8Array, name: JsonTextName): JsonText {
  if (bytes.length > MAX_JSON_BYTES) return refused('', name, tooLarge(bytes.length));
  const decoded = decode(bytes);
  if (decoded === null) return refused('', name, notUtf8);
  const marked = decoded.startsWith('\uFEFF');
  const text = marked ? decoded.slice(1) : decoded;
  const deep = offsetBeyondNesting(text);
  if (deep !== null) return refused(text, name, { ...tooDeep, offset: deep });
  const problems: TextProblem[] = marked ? [byteOrderMark] : [];
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return refused(text, name, syntaxProblem(text, error.message));
  }
  if (!isBeyondDoubt(text, value)) problems.push(...doubtsOf(text));
  return { text, value, findings: problems.map((problem) => findingOf(problem, text, name)) };
}

const notUtf8: TextProblem = {
  code: 'NotUtf8',
  offset: 0,
  found: 'bytes that are not UTF-8',
  expected: 'JSON in UTF-8 (RFC 8259, section 8.1)',
  hint: 'save the file as UTF-8',
};

const byteOrderMark: TextProblem = {
  code: 'ByteOrderMark',
  offset: 0,
  found: 'a byte order mark',
  expected: 'JSON without one (RFC 8259, section 8.1); it is passed over',
  hint: 'save the file as UTF-8 without a byte order mark',
};

const tooDeep: Omit<TextProblem, 'offset'> = {
  code: 'TooDeep',
  found: `an array or object at level ${MAX_NESTING + 1}`,
  expected: `at most ${MAX_NESTING} levels of nesting`,
};

const tooLarge = (size: number): TextProblem => ({
  code: 'TooLarge',
  offset: 0,
  found: `${size} bytes`,
  expected: `at most ${MAX_JSON_BYTES} bytes of JSON`,
  hint: 'large files belong into objects, not into documents',
});

function refused(text: string, name: JsonTextName, problem: TextProblem): JsonText {
  return { text, value: undefined, findings: [findingOf(problem, text, name)] };
}

function findingOf(problem: TextProblem, text: string, name: JsonTextName): Finding {
  const { offset, pointer = '', ...details } = problem;
  return fileFinding(
    { file: name.file, pointer: name.pointer + pointer, ...positionAt(text, offset) },
    details,
  );
}

/** Null when the bytes are not UTF-8. A byte order mark is kept. */
function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

const quote = 0x22;
const backslash = 0x5c;

/** Offset of the bracket that opens one level too many; null when there is none. Counts, and so cannot overflow a stack. */
function offsetBeyondNesting(text: string): number | null {
  let depth = 0;
  let quoted = false;
  for (let offset = 0; offset < text.length; offset++) {
    const character = text.charCodeAt(offset);
    if (quoted) {
      if (character === backslash) offset++;
      else if (character === quote) quoted = false;
    } else if (character === quote) quoted = true;
    else if (character === 0x5b || character === 0x7b) depth++;
    else if (character === 0x5d || character === 0x7d) depth--;
    if (depth > MAX_NESTING) return offset;
  }
  return null;
}

/** The first mistake, at its place; jsonc-parser's own name of it, taken apart into words. */
function syntaxProblem(text: string, message: string): TextProblem {
  let first: { readonly error: ParseErrorCode; readonly offset: number } | null = null;
  visit(
    text,
    {
      onError: (error, offset) => {
        first ??= { error, offset };
      },
    },
    { disallowComments: true, allowTrailingComma: false },
  );
  const { error, offset } = first ?? { error: null, offset: 0 };
  const what =
    error === null
      ? message
      : printParseErrorCode(error)
          .replaceAll(/(?<!^)([A-Z])/g, ' $1')
          .toLowerCase();
  const excerpt = text.slice(offset, offset + 20).split('\n', 1)[0] ?? '';
  return {
    code: 'BadJson',
    offset,
    found: excerpt === '' ? 'the end of the text or line' : excerpt,
    expected: `JSON as in RFC 8259 (${what})`,
  };
}
