import type { Operation } from 'fast-json-patch';
import type { Json } from '../../state/json.ts';
import { pointerTo } from '../../state/pointer.ts';
import type { FlatState, StateChange } from '../../state/revision.ts';
import { isSha256 } from '../../state/sha256.ts';
import { objectAt, wrongType } from './body-values.ts';
import type { ApplyOptions } from './contract.ts';
import { Problem } from './problem.ts';
import { type ProposalOptions, readProposalOptions, readRevisionMember } from './proposal-options.ts';

/**
 * The shapes of request bodies. Only the envelope is judged here; what a revision or a patch says is judged by
 * validation, which answers with findings. Written out and not compiled from a schema: fastify's validator takes
 * 50 ms and more to load, an eighth of what a controller has until its first step, for four small shapes.
 */

/** The JSON value that `text` is; a Problem (400) with line and column when it is none. */
export function parseJsonBody(text: string): Json {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Problem(400, 'BadJson', `the body is not JSON (RFC 8259): ${reason}`);
  }
}

/** `{sha256: […]}`. */
export function readSha256List(body: Json): readonly string[] {
  const { sha256 } = objectAt(body, '', '{"sha256": […]}');
  if (!Array.isArray(sha256)) throw wrongType('/sha256', sha256, 'an array of sha256 names');
  return sha256.map((name: Json, index) => {
    if (isSha256(name)) return name;
    throw wrongType(pointerTo('sha256', index), name, '64 lower-case hexadecimal digits');
  });
}

/** `{state, source?, message?, commitAfterSeconds?}`: a whole revision, and how it is proposed. */
export function readRevision(body: Json): { readonly state: FlatState; readonly options: ApplyOptions } {
  const members = objectAt(body, '', '{"state": {…}}');
  const { state, source = 'api' } = members;
  if (typeof source !== 'string') throw wrongType('/source', source, 'a string');
  return {
    state: objectAt(state, '/state', 'the flat state: an object from file path to document'),
    options: { source, ...readProposalOptions(members) },
  };
}

/** `{revision?, message?, commitAfterSeconds?}`; no body at all is the same as an empty one. Revision null: the one before. */
export function readRollback(body: Json | undefined): {
  readonly revision: number | null;
  readonly options: ProposalOptions;
} {
  const members = objectAt(body ?? {}, '', '{"revision": 3}');
  return { revision: readRevisionMember(members.revision), options: readProposalOptions(members) };
}

function readOperations(value: Json | undefined, place: readonly string[]): readonly Operation[] {
  if (!Array.isArray(value))
    throw wrongType(pointerTo(...place), value, 'an array of operations of RFC 6902');
  return value as unknown as readonly Operation[];
}

/** A JSON patch (RFC 6902) against the current state. */
export function readPatch(body: Json): StateChange {
  return { type: 'patch', operations: readOperations(body, []) };
}

/** A merge patch (RFC 7396) against the current state. */
export function readMergePatch(body: Json): StateChange {
  return { type: 'merge', patch: objectAt(body, '', 'an object from file path to document or null') };
}

/** `{change}`: what `plan` is asked about. */
export function readChange(body: Json): StateChange {
  const change = objectAt(objectAt(body, '', '{"change": {…}}').change, '/change', 'a change');
  switch (change.type) {
    case 'replace':
      return { type: 'replace', state: objectAt(change.state, '/change/state', 'the flat state') };
    case 'patch':
      return { type: 'patch', operations: readOperations(change.operations, ['change', 'operations']) };
    case 'merge':
      return { type: 'merge', patch: objectAt(change.patch, '/change/patch', 'an object') };
    default:
      throw wrongType('/change/type', change.type, "'replace', 'patch' or 'merge'");
  }
}
