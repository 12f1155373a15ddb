import { visit } from 'jsonc-parser';
import type { Json } from '../../state/json.ts';
import { MAX_FINDINGS } from '../../state/limits.ts';
import { pointerTo } from '../../state/pointer.ts';
import type { ProblemDetails } from './source-problem.ts';

/** Something wrong at one place of a JSON text. */
export interface TextProblem extends ProblemDetails {
  /** Into the text, in UTF-16 code units. */
  readonly offset: number;
  /** JSON pointer inside the document; the document itself where it is not given. */
  readonly pointer?: string;
}

/**
 * What JSON.parse takes, but not all readers understand alike (RFC 7493): members that stand twice, numbers that a
 * double does not hold. `text` is valid JSON of limited nesting. At most MAX_FINDINGS, in the order of the text.
 */
export function doubtsOf(text: string): readonly TextProblem[] {
  const problems: TextProblem[] = [];
  const members: Set<string>[] = [];
  const report = (problem: TextProblem): void => {
    if (problems.length < MAX_FINDINGS) problems.push(problem);
  };
  visit(text, {
    onObjectBegin: () => {
      members.push(new Set());
    },
    onObjectEnd: () => {
      members.pop();
    },
    onObjectProperty: (property, offset, _length, _line, _character, path) => {
      const seen = members.at(-1);
      if (seen?.has(property)) report(duplicate(pointerTo(...path(), property), property, offset));
      seen?.add(property);
    },
    onLiteralValue: (value, offset, length, _line, _character, path) => {
      if (typeof value !== 'number') return;
      const problem = inexact(value, text.slice(offset, offset + length));
      if (problem !== null) report({ ...problem, offset, pointer: pointerTo(...path()) });
    },
  });
  return problems;
}

/**
 * The text is how JSON.stringify writes its value, compact or indented by two: there is nothing to doubt in it, and reading it
 * member by member can be saved. No is said too often rather than too seldom.
 */
export function isBeyondDoubt(text: string, value: Json): boolean {
  // Integers that a double need not hold are written alike, though they are in doubt.
  if (/\d{16}|\de\+/.test(text)) return false;
  return text === JSON.stringify(value) || text.trimEnd() === JSON.stringify(value, null, 2);
}

const duplicate = (pointer: string, property: string, offset: number): TextProblem => ({
  code: 'DuplicateMember',
  offset,
  pointer,
  found: `member ${JSON.stringify(property)} a second time in one object`,
  expected: 'every member once: which one would count is not defined (RFC 8259, section 4)',
  hint: 'remove one of the two',
});

/** Numbers are kept as IEEE 754 doubles (RFC 8259, section 6). */
function inexact(value: number, literal: string): ProblemDetails | null {
  if (!Number.isFinite(value)) {
    return { code: 'NumberTooLarge', found: literal, expected: 'a number that a double can hold' };
  }
  if (!Number.isInteger(value) || Number.isSafeInteger(value)) return null;
  return {
    code: 'NumberInexact',
    found: literal,
    expected: `an integer within ±(2^53 - 1), or a string; it is kept as ${value}`,
  };
}
