import { constants, fdatasyncSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { StartError } from '../start-error.ts';
import { recordingMagic } from './recording.ts';

/** Where a recorder writes. Positions are bytes from the beginning of the file. */
export interface RecordingFile {
  /** Bytes of whole lines that were there when it was opened; writing goes on behind them. */
  readonly size: number;
  /** Writes all of `bytes`; rejects when some could not be written. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** The same before it returns, for a process that is about to end. Throws. */
  writeNow(bytes: Uint8Array, position: number): void;
  /** Forgets what is behind `size`. */
  truncate(size: number): Promise<void>;
  /** Lets go of the file, with all that was written on disk. */
  close(): Promise<void>;
}

const lineFeed = 0x0a;
const chunkBytes = 65_536;

/** Never through a symbolic link, and never waiting for the other end of a pipe. */
const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

class DiskFile implements RecordingFile {
  readonly size: number;
  readonly #handle: FileHandle;

  constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.size = size;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, position + done);
      done += bytesWritten;
    }
  }

  writeNow(bytes: Uint8Array, position: number): void {
    let done = 0;
    while (done < bytes.length) {
      done += writeSync(this.#handle.fd, bytes, done, bytes.length - done, position + done);
    }
    fdatasyncSync(this.#handle.fd);
  }

  truncate(size: number): Promise<void> {
    return this.#handle.truncate(size);
  }

  async close(): Promise<void> {
    try {
      await this.#handle.datasync();
    } finally {
      await this.#handle.close();
    }
  }
}

/** Bytes up to and with the last line feed; 0 for none. */
async function wholeLines(handle: FileHandle, size: number): Promise<number> {
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - chunkBytes);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(end - start), 0, end - start, start);
    const last = buffer.subarray(0, bytesRead).lastIndexOf(lineFeed);
    if (last >= 0) return start + last + 1;
    end = start;
  }
  return 0;
}

/** What speaks against writing to an open file, in words; null: nothing. */
async function objection(handle: FileHandle): Promise<string | null> {
  const stats = await handle.stat();
  if (!stats.isFile()) return 'something that is no regular file';
  const user = process.geteuid?.() ?? stats.uid;
  if (stats.uid !== user) return `a file of user ${stats.uid}`;
  const length = Math.min(stats.size, recordingMagic.length);
  const { buffer } = await handle.read(Buffer.alloc(length), 0, length, 0);
  return recordingMagic.startsWith(buffer.toString()) ? null : 'a file that is no recording';
}

/**
 * The file at `path`, made with mode 0600 where there is none. One that is there is gone on with only if it is a
 * recording of this user's, or empty; a last line that a crash has torn is cut off. Throws a StartError for any other,
 * which stays as it is, and what the system says when it cannot be opened.
 */
export async function openRecordingFile(path: string): Promise<RecordingFile> {
  const handle = await open(path, flags, 0o600);
  try {
    const found = await objection(handle);
    if (found !== null) {
      throw new StartError(
        `found ${found} at ${path}, expected a recording of Holdfast's or nothing; give --record another path`,
      );
    }
    await handle.chmod(0o600);
    const { size } = await handle.stat();
    const whole = await wholeLines(handle, size);
    if (whole < size) await handle.truncate(whole);
    return new DiskFile(handle, whole);
  } catch (error) {
    await handle.close();
    throw error;
  }
}
