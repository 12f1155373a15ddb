import jsonpatch, { type Operation } from 'fast-json-patch';
import { freeze, produce } from 'immer';
import { type Finding, quote } from './finding.ts';
import { finding } from './finding-catalog.ts';
import { canonicalJson, isJsonObject, type Json } from './json.ts';
import { MAX_JSON_BYTES, MAX_NESTING } from './limits.ts';
import { pointerParts, pointerTo } from './pointer.ts';
import type { DocumentChanges, StateTree } from './tree.ts';
import { weigh } from './weight.ts';

/** What a patch makes of single documents. With a finding, `changes` is empty: a patch is applied whole or not at all. */
export interface PatchOutcome {
  readonly changes: DocumentChanges;
  readonly findings: readonly Finding[];
}

/** Why an operation can't be carried out: what stands there and what should. */
interface Failure {
  readonly found: Json | undefined;
  readonly expected: string;
}

/** What each operation of RFC 6902 needs besides `op` and `path`. */
const operandOf: Readonly<Record<string, 'value' | 'from' | null>> = Object.freeze({
  add: 'value',
  remove: null,
  replace: 'value',
  move: 'from',
  copy: 'from',
  test: 'value',
});

const arrayIndex = /^(?:0|[1-9]\d*)$/;
const withinLimits = `at most ${MAX_NESTING} levels of nesting, and ${MAX_JSON_BYTES} bytes in the whole patch`;

/**
 * What `operations` (RFC 6902) make of the state. Pointers go into the flat state: the first token is a path, with
 * `~1` for its slashes. Members that an object merely inherits are not there. Stops at the first operation that fails
 * and reports it as `PatchFailed`. Never throws, whatever `operations` holds.
 */
export function patchDocuments(tree: StateTree, operations: readonly Operation[]): PatchOutcome {
  // Two levels more than a state has: the list, and the operation around its value.
  if (
    !Array.isArray(operations) ||
    weigh(operations as unknown as Json, MAX_JSON_BYTES, MAX_NESTING + 3) === null
  ) {
    const failure = { found: undefined, expected: `a list of operations (RFC 6902), ${withinLimits}` };
    return { changes: new Map(), findings: [patchFailed(0, null, failure)] };
  }
  const working = new WorkingState(tree);
  for (const [index, operation] of operations.entries()) {
    const failure = malformed(operation) ?? working.apply(operation);
    if (failure !== null) return { changes: new Map(), findings: [patchFailed(index, operation, failure)] };
  }
  return { changes: working.changes, findings: [] };
}

/** The state while a patch is applied: the tree, and the documents that differ from it by now. */
class WorkingState {
  readonly changes = new Map<string, Json | undefined>();
  readonly #tree: StateTree;
  /** What values may still be brought in: a patch that copies its own copies would double the state with each operation. */
  #budget = MAX_JSON_BYTES;

  constructor(tree: StateTree) {
    this.#tree = tree;
  }

  /** Carries out an operation that is well formed; null when it could. */
  apply(operation: Operation): Failure | null {
    const tokens = pointerParts(operation.path);
    switch (operation.op) {
      case 'add':
      case 'replace':
        return this.#write(operation.op, tokens, operation.value);
      case 'remove':
        return this.#remove(tokens);
      case 'copy':
        return this.#write('add', tokens, this.#read(pointerParts(operation.from)));
      case 'move':
        return this.#move(pointerParts(operation.from), tokens);
      case 'test':
        return this.#test(tokens, operation.value);
      default:
        return { found: operation.op, expected: 'an operation of RFC 6902' };
    }
  }

  #read(tokens: readonly string[]): Json | undefined {
    const [path, ...rest] = tokens;
    return path === undefined ? this.#flat() : valueAt(this.#document(path), rest);
  }

  #document(path: string): Json | undefined {
    return this.changes.has(path) ? this.changes.get(path) : this.#tree.document(path);
  }

  #flat(): Json {
    const documents = new Map<string, Json>(Object.entries(this.#tree.toFlat()));
    for (const [path, document] of this.changes) {
      if (document === undefined) documents.delete(path);
      else documents.set(path, document);
    }
    return Object.fromEntries(documents);
  }

  #write(op: 'add' | 'replace', tokens: readonly string[], value: Json | undefined): Failure | null {
    if (value === undefined) return { found: undefined, expected: 'a value at `from`' };
    const misplaced = op === 'replace' ? this.#absent(tokens) : this.#noPlaceFor(tokens);
    const refused = misplaced ?? this.#admit(value, tokens.length);
    if (refused !== null) return refused;
    const [path, ...rest] = tokens;
    if (path === undefined) return this.#replaceAll(value);
    if (rest.length === 0) this.changes.set(path, freeze(value, true));
    else this.#edit(path, { op, path: pointerTo(...rest), value: freeze(value, true) });
    return null;
  }

  /** Counts a value that is to stand `depth` levels below the state. */
  #admit(value: Json, depth: number): Failure | null {
    // The state itself is the level around the documents.
    const weight = weigh(value, this.#budget, MAX_NESTING + 1 - depth);
    if (weight === null) return { found: 'more than that', expected: withinLimits };
    this.#budget -= weight;
    return null;
  }

  #replaceAll(state: Json): Failure | null {
    if (!isJsonObject(state)) return { found: state, expected: 'a state: an object whose members are paths' };
    for (const path of Object.keys(this.#tree.toFlat())) this.changes.set(path, undefined);
    for (const path of this.changes.keys()) this.changes.set(path, undefined);
    for (const [path, document] of Object.entries(state)) this.changes.set(path, freeze(document, true));
    return null;
  }

  #remove(tokens: readonly string[]): Failure | null {
    const [path, ...rest] = tokens;
    if (path === undefined) return { found: undefined, expected: 'a member: the state as a whole cannot go' };
    const absent = this.#absent(tokens);
    if (absent !== null) return absent;
    if (rest.length === 0) this.changes.set(path, undefined);
    else this.#edit(path, { op: 'remove', path: pointerTo(...rest) });
    return null;
  }

  #move(from: readonly string[], to: readonly string[]): Failure | null {
    if (from.length < to.length && from.every((token, index) => token === to[index])) {
      return { found: pointerTo(...from), expected: 'a `from` that does not contain `path` (RFC 6902, 4.4)' };
    }
    const value = this.#read(from);
    return this.#remove(from) ?? this.#write('add', to, value);
  }

  #test(tokens: readonly string[], value: Json): Failure | null {
    const refused = this.#admit(value, tokens.length);
    if (refused !== null) return refused;
    const actual = this.#read(tokens);
    if (actual !== undefined && canonicalJson(actual) === canonicalJson(value)) return null;
    return { found: actual, expected: `what the operation tests for, ${quote(value)}` };
  }

  #edit(path: string, operation: Operation): void {
    const edited = produce({ document: this.#document(path) }, (draft) => {
      jsonpatch.applyOperation(draft.document, operation);
    });
    this.changes.set(path, edited.document);
  }

  #absent(tokens: readonly string[]): Failure | null {
    return this.#read(tokens) === undefined ? { found: undefined, expected: 'a value that is there' } : null;
  }

  /** The parent of what is to be added is not there, or is an array that has no such place. */
  #noPlaceFor(tokens: readonly string[]): Failure | null {
    if (tokens.length < 2) return null;
    const parent = this.#read(tokens.slice(0, -1));
    if (isJsonObject(parent)) return null;
    if (!Array.isArray(parent)) return { found: parent, expected: 'an object or array to add to' };
    const last = tokens.at(-1) ?? '';
    if (last === '-' || (arrayIndex.test(last) && Number(last) <= parent.length)) return null;
    return { found: last, expected: `an index from 0 to ${parent.length}, or '-'` };
  }
}

/** What stands at `tokens` of a document, own members only; undefined: nothing. */
function valueAt(document: Json | undefined, tokens: readonly string[]): Json | undefined {
  let value = document;
  for (const token of tokens) {
    if (Array.isArray(value)) value = arrayIndex.test(token) ? value[Number(token)] : undefined;
    else value = isJsonObject(value) && Object.hasOwn(value, token) ? value[token] : undefined;
  }
  return value;
}

/** What is wrong with an operation in itself. It comes from outside: that it is one is only claimed. */
function malformed(operation: unknown): Failure | null {
  if (!isJsonObject(operation)) return { found: operation as Json, expected: 'an operation: an object' };
  const { op } = operation;
  const operand = typeof op === 'string' && Object.hasOwn(operandOf, op) ? operandOf[op] : undefined;
  if (operand === undefined) {
    return { found: op, expected: `an op of ${Object.keys(operandOf).join(', ')} (RFC 6902)` };
  }
  for (const member of operand === 'from' ? ['path', 'from'] : ['path']) {
    const pointer = operation[member];
    if (!isPointer(pointer)) return { found: pointer, expected: `a JSON pointer as ${member} (RFC 6901)` };
    if (isHostile(pointer))
      return { found: pointer, expected: `a ${member} without '__proto__' and 'constructor/prototype'` };
  }
  const hasValue = operand !== 'value' || operation.value !== undefined;
  return hasValue ? null : { found: undefined, expected: `a value for ${op}` };
}

function isPointer(pointer: unknown): pointer is string {
  return typeof pointer === 'string' && (pointer === '' || pointer.startsWith('/'));
}

/** Names that lead to an object's prototype in JavaScript; no document has a use for them (REV-8). */
function isHostile(pointer: string): boolean {
  return pointerParts(pointer).some(
    (token, index, tokens) =>
      token === '__proto__' || (token === 'prototype' && tokens[index - 1] === 'constructor'),
  );
}

function patchFailed(index: number, operation: unknown, failure: Failure): Finding {
  const { op, path } = isJsonObject(operation) ? operation : {};
  const pointer = isPointer(path) ? path : '';
  const told = `operation ${index} (${typeof op === 'string' ? op : 'none'} ${quote(pointer)})`;
  const found = failure.found === undefined ? 'nothing' : quote(failure.found);
  return finding('PatchFailed', {
    pointer,
    ...failure,
    message: `${told} cannot be carried out: found ${found}, expected ${failure.expected}`,
    hint: 'nothing of the patch was applied: make it against the current state',
  });
}
