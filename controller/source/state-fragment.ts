import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject } from '../../state/json.ts';
import { isSha256 } from '../../state/sha256.ts';
import { readJsonText } from './json-text.ts';
import type { Fragment, ObjectOrigin, SourceFile } from './source.ts';
import { fileFinding } from './source-problem.ts';

/** A fragment that is one JSON text, with the file that all of it comes from. */
export interface StateFragment extends Fragment {
  readonly document: SourceFile;
}

/** Reads the text of a flat state: a state file, or the `json` of an export. Its entries keep their order. */
export function stateFragment(file: string, bytes: Uint8Array): StateFragment {
  const { text, value, findings } = readJsonText(bytes, { file, pointer: '' });
  const document: SourceFile = { file, text, whole: true };
  const entries = new Map(isJsonObject(value) ? Object.entries(value) : []);
  const files = new Map([...entries.keys()].map((path) => [path, document]));
  const refused = value === undefined || isJsonObject(value) ? [] : [notAnObject(file)];
  return { name: file, document, entries, files, objects: new Map(), findings: [...findings, ...refused] };
}

/** The objects that `fragment` names and that are in `directory` under their sha256; none when there is no such directory. */
export async function objectsBeside(
  fragment: Fragment,
  directory: string,
): Promise<ReadonlyMap<string, ObjectOrigin>> {
  const objects = new Map<string, ObjectOrigin>();
  const present = await namesIn(directory);
  for (const sha256 of new Set([...fragment.entries.values()].filter(isSha256))) {
    if (!present.has(sha256)) continue;
    const path = join(directory, sha256);
    const stats = await stat(path);
    if (stats.isFile()) objects.set(sha256, { path, size: stats.size });
  }
  return objects;
}

async function namesIn(directory: string): Promise<ReadonlySet<string>> {
  try {
    return new Set(await readdir(directory));
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) {
      return new Set();
    }
    throw error;
  }
}

function notAnObject(file: string): Fragment['findings'][number] {
  return fileFinding(
    { file },
    {
      code: 'WrongType',
      found: 'JSON that is not an object',
      expected: 'a flat state: an object from path to document or sha256',
    },
  );
}
