import type { Json } from './json.ts';

/** `error`: the whole revision is refused (REV-6). `warning`: it is taken, and this is said. */
export type Severity = 'error' | 'warning';

/** A place in a file, as editors count: the first character of a file is line 1, column 1 (in UTF-16 code units). */
export interface Location {
  /** Path of the file, as the user named it or below what the user named. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/**
 * One thing that is wrong with a revision (REV-6). All of them are reported at once, in document order.
 * This is the record that cli, api and events render: nobody builds a text of their own from its parts.
 */
export interface Finding {
  readonly severity: Severity;
  /** Stable, UpperCamelCase; `holdfast explain CODE` knows every one. */
  readonly code: string;
  /** JSON pointer into the flat state, e.g. `/device.json/network/pools/a/subnet` (keys with `/` as `~1`). */
  readonly pointer: string;
  /** What stands there, as JSON; null where nothing stands there. Long values are cut, see `excerpt`. */
  readonly found: Json;
  /** What may stand there, in words. */
  readonly expected: string;
  /** One sentence for a person: what was found, where, and what was expected. */
  readonly message: string;
  /** What to do, where that is known: the nearest known name, the network that host bits imply, … */
  readonly hint?: string;
  /** Where in the files that were read; absent when the revision did not come from a file. */
  readonly location?: Location;
}

/** True when no finding is an error: the revision may be applied. */
export function acceptable(findings: readonly Finding[]): boolean {
  return findings.every((finding) => finding.severity !== 'error');
}

/** Longest text that an excerpt keeps, in UTF-16 code units; the mark of the cut not counted. */
const excerptLength = 120;

/** `value` as a finding shows it: whole when it is short, else the start of its text and `…`. */
export function excerpt(value: Json): Json {
  if (typeof value === 'string') return cut(value);
  if (typeof value !== 'object' || value === null) return value;
  const text = JSON.stringify(value);
  return text.length <= excerptLength ? value : cut(text);
}

/** `value` as a sentence quotes it: its excerpt, as JSON. */
export function quote(value: Json): string {
  return JSON.stringify(excerpt(value));
}

function cut(text: string): string {
  if (text.length <= excerptLength) return text;
  const start = text.slice(0, excerptLength);
  // Half a surrogate pair would be no character.
  return `${/[\uD800-\uDBFF]$/.test(start) ? start.slice(0, -1) : start}…`;
}
