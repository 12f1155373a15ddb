/** What is wrong with the database. */
export type DatabaseErrorCode =
  /** Its content is damaged. */
  | 'Corrupt'
  /** It was written by a newer version of Holdfast. */
  | 'NewerFormat'
  /** It is a database of something else. */
  | 'NotHoldfast'
  /** Another process has it open. */
  | 'InUse'
  /** It is not this user's alone. */
  | 'Unsafe'
  /** The disk is full: nothing was changed, and it may go on when there is space again. */
  | 'Full'
  /** Reading or writing failed: what is on disk is not known any more until it is opened again. */
  | 'Suspect';

const advice: Readonly<Record<DatabaseErrorCode, string>> = {
  Corrupt: 'keep it for whoever can look into it, set it aside, and apply the revision again',
  NewerFormat: 'run the newer version, or set it aside and apply the revision again',
  NotHoldfast: 'give another directory',
  InUse: 'stop the other controller, or give this one a directory of its own',
  Unsafe: 'look at who made it, and remove it or choose another directory',
  Full: 'make space, and apply again',
  Suspect: 'look at the disk, and start the controller again: what was acknowledged is kept',
};

/** A database that cannot be used, or not any more. It is never changed to make it fit. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
  readonly code: DatabaseErrorCode;
  readonly path: string;

  constructor(code: DatabaseErrorCode, path: string, message: string, options?: ErrorOptions) {
    super(`${message}; ${advice[code]}`, options);
    this.code = code;
    this.path = path;
  }
}

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html) that are not mistakes of ours. */
const codesOfSqlite: ReadonlyMap<number, DatabaseErrorCode> = new Map([
  [5, 'InUse'],
  [6, 'InUse'],
  [10, 'Suspect'],
  [11, 'Corrupt'],
  [13, 'Full'],
  [26, 'Corrupt'],
]);

/** The DatabaseError that an error of SQLite stands for; any other error as it is. */
export function typedError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return error;
  const code = codesOfSqlite.get(error.errcode & 0xff);
  return code === undefined
    ? error
    : new DatabaseError(code, path, `${path}: ${error.message}`, { cause: error });
}
