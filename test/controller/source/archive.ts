import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';

/** One entry of an archive that a test makes, hostile ones included. */
export interface ArchiveEntry {
  readonly path: string;
  readonly content?: string | Uint8Array;
  readonly type?: 'File' | 'Directory' | 'SymbolicLink' | 'Link' | 'CharacterDevice' | 'FIFO';
  readonly linkpath?: string;
  /** What the header claims; the true length unless given. */
  readonly size?: number;
}

/** The bytes of a tar archive with exactly these entries, in this order: nothing is normalised or refused. */
export function tarOf(entries: readonly ArchiveEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(blocksOf), Buffer.alloc(1024)]);
}

/** The same, gzipped: an export. */
export function exportOf(entries: readonly ArchiveEntry[]): Buffer {
  return gzipSync(tarOf(entries));
}

/** An export with this fragment of state and these objects, well made. */
export function wellMadeExport(fragment: unknown, objects: readonly (string | Uint8Array)[] = []): Buffer {
  return exportOf([
    { path: 'json', content: JSON.stringify(fragment) },
    ...objects.map((content) => ({ path: `objects/${sha256Of(content)}`, content })),
  ]);
}

/** sha256 in lower-case hexadecimal. */
export function sha256Of(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

function blocksOf({ path, content = '', type = 'File', linkpath, size }: ArchiveEntry): readonly Buffer[] {
  const bytes = Buffer.from(content);
  const header = new Header({
    path,
    type,
    size: size ?? bytes.length,
    mode: 0o644,
    mtime: new Date(0),
    ...(linkpath === undefined ? {} : { linkpath }),
  });
  const block = Buffer.alloc(512);
  header.encode(block, 0);
  return [block, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
}
