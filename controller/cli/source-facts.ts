import { readFile } from 'node:fs/promises';
import { MAX_CONFIG_CHARACTERS } from '../../state/limits.ts';
import type { ObjectFacts, ObjectReference } from '../../state/revision.ts';
import type { ObjectOrigin } from '../source/source.ts';

/** No text that compiling takes has more bytes (UTF-8 has at most 3 for each UTF-16 code unit). */
const maxTextBytes = 3 * MAX_CONFIG_CHARACTERS;

/**
 * What a source itself says of the objects that it names: where there is no object store, what did not come along is
 * missing. A text that is too long to be taken is cut, and refused by validation for its length.
 */
export async function sourceFacts(
  references: readonly ObjectReference[],
  objects: ReadonlyMap<string, ObjectOrigin>,
): Promise<ObjectFacts> {
  const texts: Record<string, string> = {};
  const missing = new Set<string>();
  for (const { sha256, text } of references) {
    const origin = objects.get(sha256);
    if (origin === undefined) missing.add(sha256);
    else if (text && texts[sha256] === undefined) {
      const bytes = await readFile(origin.path);
      texts[sha256] = new TextDecoder().decode(bytes.subarray(0, maxTextBytes + 1));
    }
  }
  return { texts, missing: [...missing] };
}
