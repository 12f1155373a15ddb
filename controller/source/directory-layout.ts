import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Finding } from '../../state/finding.ts';
import type { Json } from '../../state/json.ts';
import { MAX_ENTRIES, MAX_JSON_BYTES } from '../../state/limits.ts';
import { pointerTo } from '../../state/pointer.ts';
import { hashContained, notRegular, readContained } from './contained-file.ts';
import { readJsonText } from './json-text.ts';
import type { Fragment, ObjectOrigin, SourceFile } from './source.ts';
import { fileFinding, findingOfError, SourceProblem } from './source-problem.ts';

/** A directory of which a layout is read. */
export interface LayoutRoot {
  /** As the user named it. */
  readonly name: string;
  /** Absolute, without symbolic links. */
  readonly path: string;
  /** Entries of the top level that are read by others. */
  readonly except: ReadonlySet<string>;
}

/** Dot files that say nothing about a revision and are expected in a directory that people work in. */
const expectedDotFiles: ReadonlySet<string> = new Set([
  '.git',
  '.gitignore',
  '.gitattributes',
  '.pvr',
  '.DS_Store',
]);

/**
 * True for names that are no part of a revision: those that begin with a dot. Below `_config/` every file is one: a
 * container may well want a `.profile`.
 */
export function isPassedOver(path: string): boolean {
  return !path.startsWith('_config/') && path.slice(path.lastIndexOf('/') + 1).startsWith('.');
}

/**
 * Reads a directory that is laid out like the keys of a state (REV-2): `web/run.json` is that document, every file that is not
 * `.json` becomes an object. Nothing outside of it is read, whatever links say. Every file that cannot be read is a
 * finding, and the others are read all the same. Entries are in the order of their paths.
 */
export async function readLayout(root: LayoutRoot): Promise<Fragment> {
  const reading = new LayoutReading(root);
  for (const path of await reading.paths()) await reading.read(path);
  return reading.fragment();
}

class LayoutReading {
  readonly #root: LayoutRoot;
  readonly #entries = new Map<string, Json>();
  readonly #objects = new Map<string, ObjectOrigin>();
  readonly #files = new Map<string, SourceFile>();
  readonly #findings: Finding[] = [];
  #bytesLeft = MAX_JSON_BYTES;

  constructor(root: LayoutRoot) {
    this.#root = root;
  }

  fragment(): Fragment {
    return {
      name: this.#root.name,
      entries: this.#entries,
      objects: this.#objects,
      files: this.#files,
      findings: this.#findings,
    };
  }

  /** Paths of the files below the root, sorted by UTF-16 code unit; at most MAX_ENTRIES. */
  async paths(): Promise<readonly string[]> {
    const found: string[] = [];
    const directories = [''];
    for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
      if (found.length > MAX_ENTRIES) {
        this.#refuse('', tooMany());
        return [];
      }
      for (const entry of await this.#list(directory)) {
        const path = `${directory}${entry.name}`;
        if (directory === '' && this.#root.except.has(path)) continue;
        if (isPassedOver(path)) this.#passOver(path, entry.name);
        else if (entry.isDirectory()) directories.push(`${path}/`);
        else if (entry.isFile() || entry.isSymbolicLink()) found.push(path);
        else this.#refuse(path, notRegular());
      }
    }
    return found.sort();
  }

  async read(path: string): Promise<void> {
    try {
      if (path.endsWith('.json')) await this.#readDocument(path);
      else await this.#readObject(path);
    } catch (error) {
      this.#refuse(path, error);
    }
  }

  async #readDocument(path: string): Promise<void> {
    const bytes = await readContained(this.#root.path, join(this.#root.path, path), this.#bytesLeft);
    this.#bytesLeft -= bytes.length;
    const file = join(this.#root.name, path);
    const { text, value, findings } = readJsonText(bytes, { file, pointer: pointerTo(path) });
    this.#files.set(path, { file, text, whole: false });
    this.#findings.push(...findings);
    if (value !== undefined) this.#entries.set(path, value);
  }

  async #readObject(path: string): Promise<void> {
    const absolute = join(this.#root.path, path);
    const { sha256, size } = await hashContained(this.#root.path, absolute);
    this.#files.set(path, { file: join(this.#root.name, path), text: null, whole: false });
    this.#entries.set(path, sha256);
    this.#objects.set(sha256, { path: absolute, size });
  }

  async #list(directory: string): Promise<readonly Dirent[]> {
    try {
      return await readdir(join(this.#root.path, directory), { withFileTypes: true });
    } catch (error) {
      this.#refuse(directory, error);
      return [];
    }
  }

  #passOver(path: string, name: string): void {
    if (expectedDotFiles.has(name)) return;
    const details = {
      code: 'HiddenFile',
      found: `the hidden file ${name}`,
      expected: 'names that do not begin with a dot, outside of _config/; it is passed over',
    } as const;
    this.#findings.push(fileFinding({ file: join(this.#root.name, path) }, details));
  }

  #refuse(path: string, error: unknown): void {
    const problem = path.includes('\uFFFD') ? notUtf8Name() : error;
    const pointer = path === '' ? '' : pointerTo(path);
    this.#findings.push(findingOfError(problem, { file: join(this.#root.name, path), pointer }));
  }
}

function tooMany(): SourceProblem {
  return new SourceProblem({
    code: 'TooManyValues',
    found: `more than ${MAX_ENTRIES} files`,
    expected: `at most ${MAX_ENTRIES} entries in a revision`,
  });
}

function notUtf8Name(): SourceProblem {
  return new SourceProblem({
    code: 'FileNameNotUtf8',
    found: 'a file name that is not UTF-8',
    expected: 'names in UTF-8, since they become keys of a JSON object',
    hint: 'rename the file',
  });
}
