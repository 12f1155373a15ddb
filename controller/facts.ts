import type { ObjectFacts, ObjectReference } from '../state/revision.ts';
import type { ObjectStore } from './objects.ts';

/** An LXC configuration is a page or two; what is longer is refused before it is read into memory (REV-8). */
const MAX_TEXT_BYTES = 256 * 1024;

/** What the object store knows of `references`: the texts that compiling needs, and which objects are not there. */
export async function gatherFacts(
  references: readonly ObjectReference[],
  objects: ObjectStore,
): Promise<ObjectFacts> {
  const missing = new Set(await objects.missing(references.map((reference) => reference.sha256)));
  const texts: Record<string, string> = {};
  for (const { sha256, text } of references) {
    if (text && !missing.has(sha256) && texts[sha256] === undefined) {
      texts[sha256] = await objects.readText(sha256, MAX_TEXT_BYTES);
    }
  }
  return { texts, missing: [...missing] };
}
