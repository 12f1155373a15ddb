import { createHash } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import { MAX_ENTRIES, MAX_JSON_BYTES } from '../../state/limits.ts';
import { isSha256 } from '../../state/sha256.ts';
import type { ObjectOrigin } from './source.ts';
import { SourceProblem } from './source-problem.ts';

/** The most bytes that one export may unpack to: above any root file system of such a device, below its disk. */
export const MAX_EXPORT_BYTES = 16 * 1024 ** 3;

/** Entry types that carry a file's content. */
const fileTypes: ReadonlySet<string> = new Set(['File', 'OldFile', 'ContiguousFile']);

/** What an export has in it. */
export interface UnpackedExport {
  /** Text of its `json`, the fragment of state. */
  readonly json: Uint8Array;
  readonly objects: ReadonlyMap<string, ObjectOrigin>;
}

/**
 * Unpacks a `.pvrexport.tgz` (REV-2), a gzipped tar of `json` and `objects/<sha256>`, into the new directory
 * `directory`. All or nothing: entries of any other name or type, repeated ones, objects whose bytes have another
 * sha256 than their name, archives that are torn or too large are refused with a SourceProblem, and the directory
 * is gone again. No name of the archive ever becomes a path: objects are written under the sha256 that was checked.
 */
export async function unpackExport(
  content: AsyncIterable<Uint8Array>,
  directory: string,
  maxBytes: number = MAX_EXPORT_BYTES,
): Promise<UnpackedExport> {
  await mkdir(directory, { mode: 0o700 });
  try {
    return await new Unpacking(directory, maxBytes).run(content);
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

class Unpacking {
  readonly #directory: string;
  readonly #objects = new Map<string, ObjectOrigin>();
  readonly #parser = new Parser({ strict: true, zstd: false, onReadEntry: (entry) => this.#enqueue(entry) });
  readonly #failed: Promise<never>;
  #fail: (error: unknown) => void = () => {};
  #entries: Promise<void> = Promise.resolve();
  #json: Uint8Array | null = null;
  /** The two blocks of zeroes that end a tar were there. */
  #complete = false;
  #count = 0;
  #bytesLeft: number;

  constructor(directory: string, maxBytes: number) {
    this.#directory = directory;
    this.#bytesLeft = maxBytes;
    this.#failed = new Promise((_resolve, reject) => {
      this.#fail = reject;
    });
    // Awaited only while something else is awaited too; a failure in between is met at the next of these.
    this.#failed.catch(() => {});
    this.#parser.once('eof', () => {
      this.#complete = true;
    });
    this.#parser.on('error', (error) => this.#fail(invalid(error.message)));
    this.#parser.on('ignoredEntry', (entry) =>
      this.#fail(refused(entry.path, `an entry of type ${entry.type}`)),
    );
  }

  async run(content: AsyncIterable<Uint8Array>): Promise<UnpackedExport> {
    const ended = new Promise<void>((resolve) => this.#parser.once('end', resolve));
    try {
      await pipeline(content, createGunzip(), (unzipped) => this.#feed(unzipped));
      this.#parser.end();
      await Promise.race([this.#failed, ended]);
      await Promise.race([this.#failed, this.#entries]);
    } catch (error) {
      this.#fail(error);
      await this.#entries.catch(() => {});
      throw isZlibError(error) ? invalid(error.message) : error;
    }
    if (!this.#complete) throw invalid('its end is missing');
    if (this.#json === null) throw invalid('it has no entry `json`');
    return { json: this.#json, objects: this.#objects };
  }

  /** Gives the parser the unpacked bytes, no faster than the entries are taken from it. */
  async #feed(unzipped: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of unzipped) {
      if (this.#write(chunk)) continue;
      const drained = new Promise<void>((resolve) => this.#parser.once('drain', resolve));
      await Promise.race([this.#failed, drained]);
    }
  }

  #write(chunk: Uint8Array): boolean {
    try {
      return this.#parser.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    } catch (error) {
      throw invalid(error instanceof Error ? error.message : String(error));
    }
  }

  /** What an entry holds; ends with the failure when the archive fails meanwhile, since then no more bytes come. */
  async *#bytesOf(entry: ReadEntry): AsyncGenerator<Uint8Array, void, undefined> {
    const iterator = entry[Symbol.asyncIterator]();
    for (;;) {
      const next = await Promise.race([this.#failed, iterator.next()]);
      if (next.done === true) return;
      yield next.value;
    }
  }

  /** Entries are taken one after the other, in the order of the archive. */
  #enqueue(entry: ReadEntry): void {
    this.#entries = this.#entries.then(() => this.#take(entry));
    this.#entries.catch((error) => this.#fail(error));
  }

  async #take(entry: ReadEntry): Promise<void> {
    if (++this.#count > MAX_ENTRIES) throw tooLarge(`more than ${MAX_ENTRIES} entries`);
    const path = entry.path.replace(/^\.\//, '');
    if (entry.type === 'Directory' && ['', '.', 'objects/', 'objects'].includes(path)) {
      entry.resume();
    } else if (!fileTypes.has(entry.type)) {
      throw refused(entry.path, `an entry of type ${entry.type}`);
    } else if (path === 'json') {
      await this.#takeJson(entry);
    } else {
      await this.#takeObject(entry, path);
    }
  }

  async #takeJson(entry: ReadEntry): Promise<void> {
    if (this.#json !== null) throw refused(entry.path, 'a second `json`');
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.#bytesOf(entry)) {
      size += chunk.length;
      if (size > MAX_JSON_BYTES) throw tooMuchJson();
      chunks.push(chunk);
    }
    this.#json = Buffer.concat(chunks);
  }

  async #takeObject(entry: ReadEntry, path: string): Promise<void> {
    const sha256 = basename(path);
    if (!isSha256(sha256) || path !== `objects/${sha256}`) throw refused(entry.path, 'another path');
    if (this.#objects.has(sha256)) throw refused(entry.path, 'the same object a second time');
    const target = join(this.#directory, sha256);
    const written = await this.#writeHashed(target, this.#bytesOf(entry));
    if (written.sha256 !== sha256) throw mismatch(sha256, written.sha256);
    this.#objects.set(sha256, { path: target, size: written.size });
  }

  async #writeHashed(path: string, content: AsyncIterable<Uint8Array>): Promise<WrittenFile> {
    await using file = await open(path, 'wx', 0o600);
    const hash = createHash('sha256');
    let size = 0;
    for await (const chunk of content) {
      size += chunk.length;
      this.#bytesLeft -= chunk.length;
      if (this.#bytesLeft < 0) throw tooLarge('more bytes than that');
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    return { sha256: hash.digest('hex'), size };
  }
}

interface WrittenFile {
  readonly sha256: string;
  readonly size: number;
}

function isZlibError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');
}

function invalid(reason: string): SourceProblem {
  return new SourceProblem({
    code: 'ExportInvalid',
    found: `an archive that cannot be unpacked (${reason})`,
    expected: 'a gzipped tar of `json` and `objects/<sha256>`, whole',
    hint: 'make or copy the export again',
  });
}

function refused(path: string, what: string): SourceProblem {
  return new SourceProblem({
    code: 'ExportEntryRefused',
    found: `${what}: ${JSON.stringify(path.slice(0, 200))}`,
    expected: 'only the file `json` and files `objects/<sha256>`, each once',
  });
}

function tooLarge(found: string): SourceProblem {
  return new SourceProblem({
    code: 'ExportTooLarge',
    found,
    expected: `at most ${MAX_ENTRIES} entries and ${MAX_EXPORT_BYTES} bytes in one export`,
  });
}

function tooMuchJson(): SourceProblem {
  return new SourceProblem({
    code: 'TooLarge',
    found: 'a longer `json`',
    expected: `at most ${MAX_JSON_BYTES} bytes of JSON`,
  });
}

function mismatch(name: string, actual: string): SourceProblem {
  return new SourceProblem({
    code: 'ObjectMismatch',
    found: `an object with sha256 ${actual}`,
    expected: `sha256 ${name}, as its name says`,
    hint: 'make or copy the export again',
  });
}
