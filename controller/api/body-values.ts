import { isJsonObject, type Json, type JsonObject } from '../../state/json.ts';
import { Problem } from './problem.ts';

/** What was found, in a few words: scalars as they stand there, the rest by type. */
function inWords(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'an array';
  if (isJsonObject(value)) return 'an object';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** A Problem (400) for a value of the wrong type, at a JSON pointer into the body. */
export function wrongType(pointer: string, found: Json | undefined, expected: string): Problem {
  const where = pointer === '' ? 'the body' : `the body at ${pointer}`;
  return new Problem(400, 'BadBody', `${where}: found ${inWords(found)}, expected ${expected}`);
}

/** A Problem (400) for a query parameter that is not what it should be. */
export function wrongParameter(name: string, found: string, expected: string): Problem {
  return new Problem(
    400,
    'BadQuery',
    `query parameter ${name}: found ${inWords(found)}, expected ${expected}`,
  );
}

/** The object that stands at `pointer`; a Problem (400) where there is none. */
export function objectAt(value: Json | undefined, pointer: string, expected: string): JsonObject {
  if (isJsonObject(value)) return value;
  throw wrongType(pointer, value, expected);
}
