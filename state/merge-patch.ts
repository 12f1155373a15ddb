import { freeze } from 'immer';
import { excerpt, type Finding } from './finding.ts';
import { finding } from './finding-catalog.ts';
import { isJsonObject, type Json } from './json.ts';
import { MAX_JSON_BYTES, MAX_NESTING } from './limits.ts';
import type { PatchOutcome } from './patch.ts';
import type { StateTree } from './tree.ts';
import { weigh } from './weight.ts';

/**
 * What a merge patch (RFC 7396) makes of the state: a member that is null goes, objects are merged, anything else
 * replaces what was there. The members of `patch` are paths. Never throws, whatever `patch` is.
 */
export function mergeDocuments(tree: StateTree, patch: Json): PatchOutcome {
  // One level more than a document has: the object of paths around it.
  const fits = weigh(patch, MAX_JSON_BYTES, MAX_NESTING + 1) !== null;
  if (!isJsonObject(patch)) return refused(patch, 'an object whose members are paths (RFC 7396)');
  if (!fits) return refused(null, `at most ${MAX_NESTING} levels of nesting and ${MAX_JSON_BYTES} bytes`);
  const changes = new Map<string, Json | undefined>();
  for (const [path, change] of Object.entries(patch)) {
    changes.set(path, change === null ? undefined : freeze(merge(tree.document(path), change), true));
  }
  return { changes, findings: [] };
}

/** RFC 7396, section 2. What the patch does not touch is shared with `target`. */
function merge(target: Json | undefined, patch: Json): Json {
  if (!isJsonObject(patch)) return patch;
  const members = new Map(isJsonObject(target) ? Object.entries(target) : []);
  for (const [name, change] of Object.entries(patch)) {
    if (change === null) members.delete(name);
    else members.set(name, merge(members.get(name), change));
  }
  return Object.fromEntries(members);
}

function refused(found: Json, expected: string): PatchOutcome {
  const message = `the merge patch was not applied: found ${JSON.stringify(excerpt(found))}, expected ${expected}`;
  const problem: Finding = finding('PatchFailed', { pointer: '', found, expected, message });
  return { changes: new Map(), findings: [problem] };
}
