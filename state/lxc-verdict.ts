/** What becomes of one line of a container's LXC configuration. */
export type Verdict =
  | { readonly type: 'allowed' }
  /** It goes in with another value, or not at all (null): what it asks for is Holdfast's, or reaches too far. */
  | { readonly type: 'confined'; readonly value: string | null; readonly why: string }
  | { readonly type: 'key-refused'; readonly why: string }
  | { readonly type: 'value-refused'; readonly expected: string };

/** Judges the value of one key. The value is not empty, has no control characters and no outer quotes. */
export type Judge = (value: string) => Verdict;

const allowed: Verdict = { type: 'allowed' };

/** Lets values of this form through. */
export function matching(pattern: RegExp, expected: string): Judge {
  return satisfying((value) => pattern.test(value), expected);
}

/** Lets values through for which `accepts` is true. */
export function satisfying(accepts: (value: string) => boolean, expected: string): Judge {
  return (value) => (accepts(value) ? allowed : { type: 'value-refused', expected });
}

/** Lets a list through, parted by white space, of which every word is one of `words`. */
export function wordsOf(words: ReadonlySet<string>, expected: string): Judge {
  return satisfying((value) => value.split(/\s+/).every((word) => words.has(word)), expected);
}

/** Lets nothing through. `why` completes "is refused: …". */
export function refused(why: string): Judge {
  return () => ({ type: 'key-refused', why });
}

/** Leaves the line out, whatever its value. `why` completes "is left out: …". */
export function leftOut(why: string): Judge {
  return () => ({ type: 'confined', value: null, why });
}

/** Leaves lines with a value of this form out, and refuses others. */
export function leftOutIf(pattern: RegExp, why: string, otherwise: Judge): Judge {
  return (value) => (pattern.test(value) ? { type: 'confined', value: null, why } : otherwise(value));
}
