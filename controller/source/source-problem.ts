import type { Finding } from '../../state/finding.ts';
import { type FindingCode, finding } from '../../state/finding-catalog.ts';
import type { Json } from '../../state/json.ts';

/** Where a problem was met. */
export interface Place {
  /** As the user named it, or below what the user named. */
  readonly file: string;
  /** JSON pointer into the flat state; the whole state where it is not given. */
  readonly pointer?: string;
  /** Counted from 1; the file as a whole where they are not given. */
  readonly line?: number;
  readonly column?: number;
}

/** What is wrong with something that was to be read. */
export interface ProblemDetails {
  readonly code: FindingCode;
  readonly found: Json;
  readonly expected: string;
  readonly hint?: string;
}

/** Ends the reading of one file or archive; its details become a finding, and the reading of others goes on. */
export class SourceProblem extends Error {
  override readonly name = 'SourceProblem';
  readonly details: ProblemDetails;

  constructor(details: ProblemDetails) {
    super(sentence(details));
    this.details = details;
  }
}

/** A finding about a file, or about one place in it. */
export function fileFinding(place: Place, details: ProblemDetails): Finding {
  const { code, ...rest } = details;
  const { file, pointer = '', line = 1, column = 1 } = place;
  const where = place.line === undefined ? file : `${file}:${line}:${column}`;
  const message = `${where}: ${sentence(details)}`;
  return { ...finding(code, { ...rest, pointer, message }), location: { file, line, column } };
}

/**
 * The finding that an error while reading stands for: a SourceProblem, or a failed system call. Anything else is a
 * mistake of ours and is thrown on.
 */
export function findingOfError(error: unknown, place: Place): Finding {
  if (error instanceof SourceProblem) return fileFinding(place, error.details);
  if (!isSystemError(error)) throw error;
  const expected = 'a file or directory that can be read';
  if (error.code === 'ENOENT')
    return fileFinding(place, { code: 'SourceNotFound', found: 'nothing', expected });
  return fileFinding(place, { code: 'SourceUnreadable', found: error.message, expected });
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException & { readonly code: string } {
  return error instanceof Error && 'code' in error && 'syscall' in error && typeof error.code === 'string';
}

function sentence({ found, expected }: ProblemDetails): string {
  return `found ${typeof found === 'string' ? found : JSON.stringify(found)}, expected ${expected}`;
}
