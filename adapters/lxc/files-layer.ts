import { createHash } from 'node:crypto';
import { chmod, chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ConfigFile } from '../../state/resource.ts';
import { resolveInside } from './resolve-inside.ts';

/** Owner and permissions, of which a layer's entry takes those of what it covers. */
interface Attributes {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

async function attributesOf(path: string, absent: Attributes): Promise<Attributes> {
  try {
    const { uid, gid, mode } = await stat(path);
    return { uid, gid, mode: mode & 0o7777 };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return absent;
    throw error;
  }
}

async function take(path: string, { uid, gid, mode }: Attributes): Promise<void> {
  await chown(path, uid, gid);
  await chmod(path, mode);
}

/** Makes the directory `path` of the layer and its parents; a merged directory shows the attributes of its uppermost layer. */
async function makeDirectory(layer: string, root: string, path: string): Promise<void> {
  if (path === '.') return;
  await makeDirectory(layer, root, dirname(path));
  await mkdir(join(layer, path), { recursive: true });
  await take(join(layer, path), await attributesOf(join(root, path), { uid: 0, gid: 0, mode: 0o755 }));
}

/** The very bytes that were checked: an object that does not hash to its name is refused. */
async function contentOf(file: ConfigFile, objects: (sha256: string) => string): Promise<string | Buffer> {
  if ('document' in file) return `${JSON.stringify(file.document, null, 2)}\n`;
  const content = await readFile(objects(file.sha256));
  const found = createHash('sha256').update(content).digest('hex');
  if (found !== file.sha256) {
    throw new Error(
      `the object for ${file.path} has the sha256 ${found}, expected ${file.sha256}; store it again`,
    );
  }
  return content;
}

/** What a files layer is made of. */
export interface FilesLayer {
  /** Directory that is made anew. */
  readonly layer: string;
  /** The lowest layer of the container's root, which this one is laid over. */
  readonly root: string;
  /** The revision's files. */
  readonly files: readonly ConfigFile[];
  /** Paths at which an empty file is enough: something will be mounted there. */
  readonly placeholders: readonly string[];
  /** Paths at which there has to be a directory, for the same reason. */
  readonly directories: readonly string[];
  /** Path of an object in the object store. */
  readonly objects: (sha256: string) => string;
}

/**
 * Makes a layer with the revision's files in it. A file goes where its path leads *inside* the root (`lib/x` where
 * `lib` links to `usr/lib`), and takes owner and mode of the file it covers, else root and 0644. Nothing is written
 * outside `layer`: it starts empty, and its paths are resolved before. The container must not run.
 */
export async function writeFilesLayer(options: FilesLayer): Promise<void> {
  const { layer, root, files, placeholders, directories, objects } = options;
  await rm(layer, { recursive: true, force: true });
  await mkdir(layer, { recursive: true });
  await take(layer, await attributesOf(root, { uid: 0, gid: 0, mode: 0o755 }));
  for (const file of files) {
    await writeEntry(options, resolveInside(root, file.path), await contentOf(file, objects));
  }
  for (const path of placeholders) await writeEntry(options, path, '');
  for (const path of directories) await makeDirectory(layer, root, path);
}

async function writeEntry(
  { layer, root }: FilesLayer,
  path: string,
  content: string | Buffer,
): Promise<void> {
  await makeDirectory(layer, root, dirname(path));
  await writeFile(join(layer, path), content, { flag: 'wx' });
  await take(join(layer, path), await attributesOf(join(root, path), { uid: 0, gid: 0, mode: 0o644 }));
}
