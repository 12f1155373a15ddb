import { MAX_CONFIG_CHARACTERS } from '../state/limits.ts';
import type { ObjectFacts, ObjectReference, UnusableObject } from '../state/revision.ts';
import { ObjectError } from './object-error.ts';

/** No text that compiling takes has more bytes: UTF-8 has at most 3 for each UTF-16 code unit (REV-8). */
const maxTextBytes = 3 * MAX_CONFIG_CHARACTERS;

/** Where objects are looked up: the object store, or files of the same names. */
export interface ObjectLookup {
  /** Those of `sha256s` that are not there. */
  missing(sha256s: Iterable<string>): Promise<readonly string[]>;
  /** The text of an object; rejects with an ObjectError when it is longer, not UTF-8, or not what its name says. */
  readText(sha256: string, maxBytes: number): Promise<string>;
}

/**
 * What the object store knows of `references`: the texts that compiling needs, which objects are not there, and which
 * are no such text. Rejects only for what no revision is to blame for.
 */
export async function gatherFacts(
  references: readonly ObjectReference[],
  objects: ObjectLookup,
): Promise<ObjectFacts> {
  const missing = new Set(await objects.missing(references.map((reference) => reference.sha256)));
  const texts: Record<string, string> = {};
  const unusable: Record<string, UnusableObject> = {};
  for (const { sha256, text } of references) {
    if (!text || missing.has(sha256) || sha256 in texts || sha256 in unusable) continue;
    try {
      texts[sha256] = await objects.readText(sha256, maxTextBytes);
    } catch (error) {
      if (!(error instanceof ObjectError)) throw error;
      if (error.code === 'ObjectMissing') missing.add(sha256);
      else unusable[sha256] = { found: error.found, expected: error.expected };
    }
  }
  return { texts, missing: [...missing], unusable };
}
