import { ObjectError, type ObjectErrorCode } from '../objects.ts';

/** Body of every answer that is not what was asked for, except a refused revision (that is its outcome). */
export interface ProblemBody {
  readonly error: {
    /** UpperCamelCase, stable. */
    readonly code: string;
    /** What was found, what was expected, and where. */
    readonly message: string;
    /** What to do, where that is known. */
    readonly hint?: string;
  };
}

/** A request that cannot be answered as asked: status, code and words in one throwable. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;

  constructor(status: number, code: string, message: string, hint?: string) {
    super(message);
    this.name = 'Problem';
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

/** The one shape in which problems travel. */
export function problemBody(code: string, message: string, hint?: string): ProblemBody {
  return { error: { code, message, ...(hint === undefined ? {} : { hint }) } };
}

/** Codes for what the HTTP layer refuses by itself. */
const codeByStatus: ReadonlyMap<number, string> = new Map([
  [413, 'TooLarge'],
  [415, 'UnsupportedMediaType'],
]);

/** What the object store refuses because of what the client sent; its other errors are ours. */
const refusedObjects: ReadonlySet<ObjectErrorCode> = new Set<ObjectErrorCode>([
  'NotADigest',
  'ObjectMismatch',
]);

/**
 * What a thrown thing says to a client. Objects that the store refuses are the client's to mend (422);
 * errors of fastify carry their status; anything else is ours: 500, and `internal` is true, so that it is logged.
 */
export function problemOf(thrown: unknown): {
  readonly status: number;
  readonly body: ProblemBody;
  readonly internal: boolean;
} {
  if (thrown instanceof Problem) {
    const { status, code, message, hint } = thrown;
    return { status, body: problemBody(code, message, hint), internal: status >= 500 };
  }
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (error instanceof ObjectError && refusedObjects.has(error.code)) {
    return { status: 422, body: problemBody(error.code, error.message), internal: false };
  }
  const { statusCode } = error as { readonly statusCode?: unknown };
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    const name = codeByStatus.get(statusCode) ?? 'BadRequest';
    return { status: statusCode, body: problemBody(name, error.message), internal: false };
  }
  return { status: 500, body: problemBody('Internal', error.message), internal: true };
}
