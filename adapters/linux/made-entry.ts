import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs';
import type { HeldDirectory } from './held-directories.ts';
import { mountIdOf } from './mount-info.ts';
import { linkOf, openPath } from './open-path.ts';

/** What tells an entry of a directory from a later one of the same name. Its device is left out: an overlay has another one each time it is mounted. */
export interface EntryIdentity {
  readonly inode: string;
  /** Nanoseconds; the same for all where a file system does not know when its files were made. */
  readonly birth: string;
}

/** A directory or an empty file that was made in a container, or is about to be. */
export interface MadeEntry {
  readonly name: string;
  readonly kind: 'directory' | 'file';
  /** Null: it is not known whether it was made. */
  readonly identity: EntryIdentity | null;
}

/** Nobody needs anything of a file that is mounted over; by its mode it is known, too. */
const fileMode = 0;
const directoryMode = 0o755;
const modeBits = 0o7777n;

export function identityOf({ ino, birthtimeNs }: BigIntStats): EntryIdentity {
  return { inode: `${ino}`, birth: `${birthtimeNs}` };
}

/** It looks as files do that `makeFile` has made for this user: empty, with no permissions and no other name. */
export function isBareFile(stats: BigIntStats, owner: number): boolean {
  const { size, nlink, mode, uid } = stats;
  const isBare = stats.isFile() && size === 0n && nlink === 1n && (mode & modeBits) === BigInt(fileMode);
  return isBare && Number(uid) === owner;
}

/** It is what was made, and still empty if it is a file. With the intent alone, what looks like it. */
export function isEntry({ kind, identity }: MadeEntry, stats: BigIntStats, owner: number): boolean {
  if (kind === 'directory' ? !stats.isDirectory() : !stats.isFile() || stats.size > 0n) return false;
  if (identity === null) return kind === 'file' ? isBareFile(stats, owner) : Number(stats.uid) === owner;
  const { inode, birth } = identityOf(stats);
  return inode === identity.inode && birth === identity.birth;
}

/** What a name in a directory leads to, links not followed (O_PATH); null: there is none. */
export function openName(directory: number, name: string): number | null {
  try {
    return openPath(`${linkOf(directory)}/${name}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Throws what mkdir(2) says, EEXIST where the name is there. */
export function makeDirectory(directory: number, name: string): void {
  mkdirSync(`${linkOf(directory)}/${name}`, directoryMode);
}

/** Makes an empty file and leaves it open. Throws what open(2) says, EEXIST where the name is there, whatever it is. */
export function makeFile(directory: number, name: string): number {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
  return openSync(`${linkOf(directory)}/${name}`, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, fileMode);
}

/**
 * Removes what was made from the directory that it was made in: nothing where that is something else by now, has something mounted over it, or is a
 * directory that is not empty. Between the look and the removal the container can put another thing of its own there: it has then removed that itself.
 */
export function removeEntry(directory: HeldDirectory, entry: MadeEntry, owner: number): void {
  const found = openName(directory.descriptor, entry.name);
  if (found === null) return;
  try {
    // What is mounted there may be of a file system that never answers.
    if (mountIdOf(found) !== directory.mount) return;
    if (!isEntry(entry, fstatSync(found, { bigint: true }), owner)) return;
    const path = `${linkOf(directory.descriptor)}/${entry.name}`;
    if (entry.kind === 'file') unlinkSync(path);
    else rmdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY' && code !== 'ENOTDIR') throw error;
  } finally {
    closeSync(found);
  }
}
