import { existsSync, lstatSync } from 'node:fs';

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
  /** The file that was opened is not there any more: what is written goes nowhere. */
  | 'Gone'
  /** The disk is full: nothing was changed, and it may go on when there is space again. */
  | 'Full'
  /** Reading or writing failed: what is on disk is known again when it was opened anew. */
  | 'Suspect';

/** Files that SQLite and Holdfast keep beside a database, and that belong to it. */
export const companionsOfDatabase = ['-wal', '-shm', '-journal', '-reserve'] as const;

const advice: Readonly<Record<DatabaseErrorCode, (path: string) => string>> = {
  Corrupt: (path) =>
    `nothing was touched; keep it for whoever can look into it, and begin anew: ${asideCommand(path)}, ` +
    'start the controller, and apply the revision again',
  NewerFormat: (path) =>
    `nothing was touched; run the newer version, or begin anew: ${asideCommand(path)}, start the controller, and ` +
    'apply the revision again',
  NotHoldfast: () => 'give another directory',
  InUse: () => 'stop the other controller, or give this one a directory of its own',
  Unsafe: () => 'look at who made it, and remove it or choose another directory',
  Gone: () =>
    'put it back, with what belongs to it, or start the controller again: it goes on with what is there then',
  Full: () => 'make space, and try again',
  Suspect: () => 'look at the disk; what was acknowledged is kept',
};

/** What a person types to keep a database under another name, with all that belongs to it. */
function asideCommand(path: string): string {
  let count = 1;
  while (existsSync(`${path}.aside-${count}`)) count++;
  const files = ['', ...companionsOfDatabase]
    .map((suffix) => path + suffix)
    // An empty log is SQLite's own of this moment, and gone with it.
    .filter((file) => file === path || (lstatSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0);
  const aside = quoted(`${path}.aside-${count}`);
  return `mkdir ${aside} && mv ${files.map(quoted).join(' ')} ${aside}`;
}

/** As a POSIX shell reads it. */
function quoted(word: string): string {
  return /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A database that cannot be used, or not any more. It is never changed to make it fit. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
  readonly code: DatabaseErrorCode;
  readonly path: string;

  constructor(code: DatabaseErrorCode, path: string, message: string, options?: ErrorOptions) {
    super(`${message}; ${advice[code](path)}`, options);
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

/** Of errno(3), those that say something about the disk. */
const codesOfFileSystem: ReadonlyMap<unknown, DatabaseErrorCode> = new Map([
  ['EIO', 'Suspect'],
  ['ENOSPC', 'Full'],
  ['EDQUOT', 'Full'],
]);

/** The DatabaseError that an error of SQLite or of the file system stands for; any other error as it is. */
export function typedError(error: unknown, path: string): unknown {
  if (!(error instanceof Error)) return error;
  const code = codeOf(error);
  return code === undefined
    ? error
    : new DatabaseError(code, path, `${path}: ${error.message}`, { cause: error });
}

function codeOf(error: Error): DatabaseErrorCode | undefined {
  if ('errcode' in error && typeof error.errcode === 'number') return codesOfSqlite.get(error.errcode & 0xff);
  return 'code' in error ? codesOfFileSystem.get(error.code) : undefined;
}
