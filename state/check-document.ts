import type { Finding } from './finding.ts';
import { finding } from './finding-catalog.ts';
import type { Json } from './json.ts';
import { MAX_DOCUMENT_VALUES, MAX_NESTING } from './limits.ts';
import { pointerTo } from './pointer.ts';

/** Assigning to this member changes an object's prototype instead. No document has a use for it. */
export const hostileName = '__proto__';

/** A value still to be looked at, and how it was reached. Linked, so that a pointer is only made where one is needed. */
interface Visit {
  readonly value: Json;
  readonly depth: number;
  readonly name: string | number;
  readonly parent: Visit | null;
}

/**
 * What makes a document unfit for any further reading (REV-8): nested deeper than MAX_NESTING, more values than
 * MAX_DOCUMENT_VALUES, or a member named `__proto__`. Empty: it can be walked by recursion, and its members can be used
 * as names. Stops at the first problem. Does not recurse itself, and takes time in proportion to what it looks at.
 */
export function checkDocument(path: string, document: Json): readonly Finding[] {
  const pending: Visit[] = [{ value: document, depth: 0, name: path, parent: null }];
  let count = 0;
  for (let visit = pending.pop(); visit !== undefined; visit = pending.pop()) {
    count += 1;
    if (count > MAX_DOCUMENT_VALUES) return [tooMany(path)];
    const { value } = visit;
    if (typeof value !== 'object' || value === null) continue;
    if (visit.depth >= MAX_NESTING) return [tooDeep(visit)];
    if (Object.hasOwn(value, hostileName)) return [hostile(visit)];
    pushMembers(pending, visit, value);
  }
  return [];
}

function pushMembers(pending: Visit[], parent: Visit, value: object): void {
  const depth = parent.depth + 1;
  if (Array.isArray(value)) {
    // From the end, so that the first member is looked at first and the first problem of the document is found.
    for (let index = value.length - 1; index >= 0; index -= 1) {
      pending.push({ value: value[index], depth, name: index, parent });
    }
    return;
  }
  for (const [name, member] of Object.entries(value).reverse()) {
    pending.push({ value: member, depth, name, parent });
  }
}

function pointerOf(visit: Visit): string {
  const path: (string | number)[] = [];
  for (let at: Visit | null = visit; at !== null; at = at.parent) path.push(at.name);
  return pointerTo(...path.reverse());
}

function tooDeep(visit: Visit): Finding {
  const pointer = pointerOf(visit);
  return finding('TooDeep', {
    pointer,
    found: `an array or object at level ${MAX_NESTING + 1}`,
    expected: `at most ${MAX_NESTING} levels of nesting`,
    message: `found level ${MAX_NESTING + 1} of nesting at ${pointer}, expected at most ${MAX_NESTING}`,
  });
}

function tooMany(path: string): Finding {
  return finding('TooManyValues', {
    pointer: pointerTo(path),
    found: `more than ${MAX_DOCUMENT_VALUES} values`,
    expected: `at most ${MAX_DOCUMENT_VALUES} values in one document`,
    message: `found more than ${MAX_DOCUMENT_VALUES} values in ${path}, expected at most so many`,
  });
}

function hostile(visit: Visit): Finding {
  const pointer = `${pointerOf(visit)}${pointerTo(hostileName)}`;
  return finding('HostileName', {
    pointer,
    found: hostileName,
    expected: `any other name than '${hostileName}'`,
    message: `found a member named '${hostileName}' at ${pointer}, expected any other name: this one changes objects themselves in JavaScript`,
  });
}
