import { MAX_CONFIG_CHARACTERS } from '../state/limits.ts';
import type { ObjectFacts, ObjectReference } from '../state/revision.ts';

/** No text that compiling takes has more bytes: UTF-8 has at most 3 for each UTF-16 code unit (REV-8). */
const maxTextBytes = 3 * MAX_CONFIG_CHARACTERS;

/** Where objects are looked up: the object store, or files of the same names. */
export interface ObjectLookup {
  /** Those of `sha256s` that are not there. */
  missing(sha256s: Iterable<string>): Promise<readonly string[]>;
  /** The text of an object; rejects when it is longer, or not what its name says. */
  readText(sha256: string, maxBytes: number): Promise<string>;
}

/** What the object store knows of `references`: the texts that compiling needs, and which objects are not there. */
export async function gatherFacts(
  references: readonly ObjectReference[],
  objects: ObjectLookup,
): Promise<ObjectFacts> {
  const missing = new Set(await objects.missing(references.map((reference) => reference.sha256)));
  const texts: Record<string, string> = {};
  for (const { sha256, text } of references) {
    if (text && !missing.has(sha256) && texts[sha256] === undefined) {
      texts[sha256] = await objects.readText(sha256, maxTextBytes);
    }
  }
  return { texts, missing: [...missing] };
}
