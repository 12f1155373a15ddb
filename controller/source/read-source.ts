import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { specPath, stateSpec } from '../../state/component.ts';
import type { Finding } from '../../state/finding.ts';
import { MAX_JSON_BYTES } from '../../state/limits.ts';
import { openContained, readContained } from './contained-file.ts';
import { readLayout } from './directory-layout.ts';
import { inContainerOrder } from './entry-order.ts';
import { mergeFragments } from './merge-fragments.ts';
import type { Fragment, Source, SourceFile, SourceKind } from './source.ts';
import { fileFinding, findingOfError } from './source-problem.ts';
import { objectsBeside, type StateFragment, stateFragment } from './state-fragment.ts';
import { collect, peek } from './stream-head.ts';

/** What reading a source may need besides its path. */
export interface ReadOptions {
  /** Where exports are unpacked: each reading makes a directory of its own in it. The system's, unless given. */
  readonly temporaryDirectory?: string;
  /** What `-` reads. The process's standard input, unless given. */
  readonly standardInput?: AsyncIterable<Uint8Array>;
}

interface Reading {
  readonly kind: SourceKind;
  readonly fragment: Fragment;
  readonly document: SourceFile | null;
}

/**
 * Reads a revision from outside (REV-2): a state JSON, with its objects in the directory `objects` beside it; a
 * directory laid out like the keys; an export, packed or unpacked; a `pvtx.d` directory, in which exports stand beside a
 * layout; `-` is standard input, a state JSON or an export. What it is, is told by its content and not by its name. Containers
 * of a directory come in the order of their groups, then by name; those of a state JSON and of one export as they stand.
 *
 * Whatever is wrong with what is read becomes a finding and never an exception (REV-8). The caller closes the source.
 */
export async function readSource(path: string, options: ReadOptions = {}): Promise<Source> {
  const unpacked = new UnpackDirectory(options.temporaryDirectory ?? tmpdir());
  const close = (): Promise<void> => unpacked.remove();
  try {
    const { kind, fragment, document } = await readAny(path, options, unpacked);
    const { entries, objects, files, findings } = fragment;
    return {
      kind,
      state: Object.fromEntries(entries),
      objects,
      files,
      findings,
      document,
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readAny(path: string, options: ReadOptions, unpacked: UnpackDirectory): Promise<Reading> {
  try {
    if (path === '-')
      return await readStream('<standard input>', options.standardInput ?? process.stdin, unpacked);
    if ((await stat(path)).isDirectory()) return await readDirectory(path, unpacked);
    const reading = await readStream(path, createReadStream(path), unpacked);
    return reading.kind === 'state' ? await withObjectsIn(reading, join(dirname(path), 'objects')) : reading;
  } catch (error) {
    return nothing('state', path, findingOfError(error, { file: path }));
  }
}

/** A state JSON or an export, told apart by the first two bytes of gzip (RFC 1952). */
async function readStream(
  name: string,
  content: AsyncIterable<Uint8Array>,
  unpacked: UnpackDirectory,
): Promise<Reading> {
  const { head, all } = await peek(content, 2);
  if (head[0] === 0x1f && head[1] === 0x8b) {
    const fragment = await readExport(name, all, unpacked);
    return { kind: 'export', fragment, document: fragment.document };
  }
  const bytes = await collect(all, MAX_JSON_BYTES);
  if (bytes === null) return nothing('state', name, tooLarge(name));
  const fragment = stateFragment(name, bytes);
  return { kind: 'state', fragment, document: fragment.document };
}

async function readDirectory(name: string, unpacked: UnpackDirectory): Promise<Reading> {
  const path = await realpath(name);
  const entries = await readdir(path, { withFileTypes: true });
  if (entries.some((entry) => entry.name === 'json' && entry.isFile()))
    return await readExportDirectory(name, path);
  const exports = entries
    .map((entry) => entry.name)
    .filter(isExportName)
    .sort();
  const fragments: Fragment[] = [await readLayout({ name, path, except: new Set(exports) })];
  for (const entry of exports) fragments.push(await readExportFile(name, path, entry, unpacked));
  const merged = mergeFragments(name, fragments);
  if (merged.entries.size === 0 && merged.findings.length === 0)
    return nothing('directory', name, empty(name));
  const kind = exports.length === 0 ? 'directory' : 'pvtx';
  // No file can be `#spec` of a state: to be laid out as a directory is what says it.
  const whole = inContainerOrder(new Map([[specPath, stateSpec], ...merged.entries]));
  return { kind, fragment: { ...merged, entries: whole }, document: null };
}

function isExportName(name: string): boolean {
  return /^[^.].*\.(tgz|tar\.gz)$/.test(name);
}

/** An export that was unpacked by hand: `json` and `objects/`. */
async function readExportDirectory(name: string, path: string): Promise<Reading> {
  const bytes = await readContained(path, join(path, 'json'), MAX_JSON_BYTES);
  const fragment = stateFragment(join(name, 'json'), bytes);
  return withObjectsIn({ kind: 'export', fragment, document: fragment.document }, join(path, 'objects'));
}

/** An export in a directory; when it cannot be read, the others are read all the same. */
async function readExportFile(
  name: string,
  path: string,
  entry: string,
  unpacked: UnpackDirectory,
): Promise<Fragment> {
  const file = join(name, entry);
  try {
    await using handle = await openContained(path, join(path, entry));
    return await readExport(file, handle.createReadStream({ autoClose: false }), unpacked);
  } catch (error) {
    return emptyFragment(file, findingOfError(error, { file }));
  }
}

async function readExport(
  name: string,
  content: AsyncIterable<Uint8Array>,
  unpacked: UnpackDirectory,
): Promise<StateFragment> {
  const { unpackExport } = await import('./export-archive.ts');
  const { json, objects } = await unpackExport(content, await unpacked.next());
  return { ...stateFragment(`${name}/json`, json), objects };
}

async function withObjectsIn(reading: Reading, directory: string): Promise<Reading> {
  const objects = await objectsBeside(reading.fragment, directory);
  return { ...reading, fragment: { ...reading.fragment, objects } };
}

function nothing(kind: SourceKind, name: string, finding: Finding): Reading {
  return { kind, fragment: emptyFragment(name, finding), document: null };
}

function emptyFragment(name: string, finding: Finding): Fragment {
  return { name, entries: new Map(), objects: new Map(), files: new Map(), findings: [finding] };
}

function tooLarge(file: string): Finding {
  const expected = `at most ${MAX_JSON_BYTES} bytes of JSON`;
  return fileFinding({ file }, { code: 'TooLarge', found: 'a longer text', expected });
}

function empty(file: string): Finding {
  return fileFinding(
    { file },
    {
      code: 'SourceEmpty',
      found: 'an empty directory',
      expected: 'device.json, directories of containers, or exports',
      hint: 'is the path right, and the disk mounted? For an empty device, put a device.json with {} there',
    },
  );
}

/** Makes a directory when the first export needs one, and one inside it for each. */
class UnpackDirectory {
  readonly #parent: string;
  #path: string | null = null;
  #count = 0;

  constructor(parent: string) {
    this.#parent = parent;
  }

  /** A path for one export's objects; the directory itself is not made. */
  async next(): Promise<string> {
    this.#path ??= await mkdtemp(join(this.#parent, 'holdfast-'));
    return join(this.#path, String(this.#count++));
  }

  async remove(): Promise<void> {
    if (this.#path !== null) await rm(this.#path, { recursive: true, force: true });
  }
}
