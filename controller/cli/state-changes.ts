import { isJsonObject, type Json } from '../../state/json.ts';
import { pointerTo } from '../../state/pointer.ts';
import type { FlatState } from '../../state/revision.ts';

/** One place of a document that differs; undefined: nothing is there. */
export interface PlaceChange {
  /** JSON pointer into the document. */
  readonly pointer: string;
  readonly from: Json | undefined;
  readonly to: Json | undefined;
}

/** How one document of a state differs from the same one of another. */
export interface DocumentChange {
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  /** In document order; none for a document that was removed. */
  readonly places: readonly PlaceChange[];
}

/**
 * What has to be done to `before` to get `after`, for a person, in the order of `after`; what was removed comes where it stood. Objects are
 * compared member by member, arrays element by element.
 */
export function stateChanges(before: FlatState, after: FlatState): readonly DocumentChange[] {
  return mergedNames(before, after).flatMap((path): DocumentChange[] => {
    const [from, to] = [memberOf(before, path), memberOf(after, path)];
    if (to === undefined) return [{ path, kind: 'removed', places: [] }];
    if (from === undefined) return [{ path, kind: 'added', places: placeChanges(emptyLike(to), to, '') }];
    const places = placeChanges(from, to, '');
    return places.length === 0 ? [] : [{ path, kind: 'changed', places }];
  });
}

/** Down to the deepest places that differ. */
function placeChanges(from: Json | undefined, to: Json | undefined, pointer: string): readonly PlaceChange[] {
  if (from === to) return [];
  const [was, is] = [membersOf(from), membersOf(to)];
  if (was === null || is === null || Array.isArray(from) !== Array.isArray(to))
    return [{ pointer, from, to }];
  return mergedNames(was, is).flatMap((name) =>
    placeChanges(memberOf(was, name), memberOf(is, name), `${pointer}${pointerTo(name)}`),
  );
}

/** Members of an object, or elements of an array by their index; null for what has neither. */
function membersOf(value: Json | undefined): Readonly<Record<string, Json>> | null {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, Json>>) : null;
}

/** Against which a whole new document is shown by its members. */
function emptyLike(value: Json): Json | undefined {
  return isJsonObject(value) ? {} : undefined;
}

function memberOf(members: Readonly<Record<string, Json>>, name: string): Json | undefined {
  return Object.hasOwn(members, name) ? members[name] : undefined;
}

/** Names of `after` in their order, with each that only `before` has behind the one that it followed there. */
function mergedNames(
  before: Readonly<Record<string, Json>>,
  after: Readonly<Record<string, Json>>,
): readonly string[] {
  const followers = new Map<string | null, string[]>();
  let last: string | null = null;
  for (const name of Object.keys(before)) {
    if (Object.hasOwn(after, name)) last = name;
    else followers.set(last, [...(followers.get(last) ?? []), name]);
  }
  const behind = (name: string | null) => followers.get(name) ?? [];
  return [...behind(null), ...Object.keys(after).flatMap((name) => [name, ...behind(name)])];
}
