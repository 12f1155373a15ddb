import jsonpatch, { type Operation } from 'fast-json-patch';
import type { Json } from './json.ts';
import { pointerTo } from './pointer.ts';
import type { ComponentKey, StateTree } from './tree.ts';

/**
 * RFC 6902 operations that make `after` of `before`; pointers go into the flat state. Only `changed` components are
 * looked at. What was removed comes first. Values are shared with the trees: they are frozen.
 */
export function diffTrees(
  before: StateTree,
  after: StateTree,
  changed: Iterable<ComponentKey>,
): readonly Operation[] {
  const removals: Operation[] = [];
  const changes: Operation[] = [];
  for (const key of changed) {
    const old = before.component(key)?.documents ?? {};
    const now = after.component(key)?.documents ?? {};
    for (const path of Object.keys(old)) {
      if (!Object.hasOwn(now, path)) removals.push({ op: 'remove', path: pointerTo(path) });
    }
    for (const [path, document] of Object.entries(now)) {
      const former = Object.hasOwn(old, path) ? old[path] : undefined;
      if (former !== document) changes.push(...diffDocuments(pointerTo(path), former, document));
    }
  }
  return [...removals, ...changes];
}

function diffDocuments(path: string, before: Json | undefined, after: Json): readonly Operation[] {
  if (before === undefined) return [{ op: 'add', path, value: after }];
  if (!isTree(before) || !isTree(after) || Array.isArray(before) !== Array.isArray(after)) {
    return [{ op: 'replace', path, value: after }];
  }
  return jsonpatch
    .compare(before, after)
    .map((operation) => ({ ...operation, path: `${path}${operation.path}` }));
}

function isTree(value: Json): value is readonly Json[] & object {
  return typeof value === 'object' && value !== null;
}
