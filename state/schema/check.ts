import { type Finding, quote } from '../finding.ts';
import { type FindingCode, type FindingDetails, finding } from '../finding-catalog.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import { MAX_FINDINGS } from '../limits.ts';
import { meantHint } from '../nearest-name.ts';
import { pointerTo } from '../pointer.ts';

/**
 * The part of JSON Schema (2020-12) that the published schemas use; a test holds them to it. `description` is what a
 * finding says was expected. Keywords that are not here have no effect on what is valid.
 */
export interface DocumentSchema {
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly Json[];
  readonly const?: Json;
  readonly anyOf?: readonly DocumentSchema[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly maxProperties?: number;
  readonly items?: DocumentSchema;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, DocumentSchema>>;
  readonly patternProperties?: Readonly<Record<string, DocumentSchema>>;
  readonly additionalProperties?: boolean;
  readonly required?: readonly string[];
}

type Path = readonly (string | number)[];

/**
 * What is wrong with the shape of `value`; at most MAX_FINDINGS findings. `path` leads to the value from the root of the
 * state. An object that has members which its schema does not know is valid (they are warnings): that, and the wording,
 * are why this is no general validator. A test holds the verdicts equal to those of one.
 */
export function checkShape(schema: DocumentSchema, value: Json, path: Path): readonly Finding[] {
  const findings: Finding[] = [];
  collect(schema, value, path, findings);
  return findings;
}

function collect(schema: DocumentSchema, value: Json, path: Path, findings: Finding[]): void {
  if (findings.length >= MAX_FINDINGS) return;
  const branch = schema.anyOf?.find((candidate) => hasType(candidate, value)) ?? schema;
  const problem = problemOf(branch, value);
  if (problem !== null) {
    findings.push(shapeFinding(problem, branch, value, path));
  } else if (Array.isArray(value)) {
    collectItems(branch, value, path, findings);
  } else if (isJsonObject(value)) {
    collectMembers(branch, value, path, findings);
    findings.push(...missingMembers(branch, value, path));
  }
}

interface Problem {
  readonly code: FindingCode;
  readonly found: string;
  readonly hint: string | null;
}

/** What is wrong with the value itself, leaving aside what is in it. Length comes before form: no pattern sees a long text. */
function problemOf(schema: DocumentSchema, value: Json): Problem | null {
  if (!hasType(schema, value)) return { code: 'WrongType', found: article(typeName(value)), hint: null };
  const excess = excessOf(schema, value);
  if (excess !== null) return { code: 'TooLong', found: excess, hint: null };
  const known = schema.const === undefined ? schema.enum : [schema.const];
  if (known !== undefined && !known.includes(value)) {
    return { code: 'UnknownValue', found: quote(value), hint: meantHint(String(value), known.map(String)) };
  }
  if (typeof value === 'string' && !hasForm(schema, value))
    return { code: 'BadFormat', found: quote(value), hint: null };
  if (typeof value === 'number' && !inRange(schema, value))
    return { code: 'OutOfRange', found: String(value), hint: null };
  return null;
}

function shapeFinding(problem: Problem, schema: DocumentSchema, value: Json, path: Path): Finding {
  const expected = expectation(schema);
  const details: FindingDetails = {
    pointer: pointerTo(...path),
    found: value,
    expected,
    message: `found ${problem.found} as ${place(path)}, expected ${expected}`,
    hint: problem.hint,
  };
  return finding(problem.code, details);
}

function collectItems(schema: DocumentSchema, items: readonly Json[], path: Path, findings: Finding[]): void {
  if (schema.items === undefined) return;
  for (const [index, item] of items.entries()) collect(schema.items, item, [...path, index], findings);
}

function collectMembers(schema: DocumentSchema, value: JsonObject, path: Path, findings: Finding[]): void {
  for (const [name, member] of Object.entries(value)) {
    if (findings.length >= MAX_FINDINGS) return;
    const memberSchema = schemaOfMember(schema, name);
    if (memberSchema !== null) collect(memberSchema, member, [...path, name], findings);
    else if (schema.additionalProperties === false) findings.push(unknownField(schema, name, member, path));
  }
}

function schemaOfMember(schema: DocumentSchema, name: string): DocumentSchema | null {
  const { properties = {}, patternProperties = {} } = schema;
  const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
  if (known !== undefined) return known;
  const matching = Object.entries(patternProperties).find(([pattern]) => new RegExp(pattern, 'u').test(name));
  return matching?.[1] ?? null;
}

function unknownField(schema: DocumentSchema, name: string, member: Json, path: Path): Finding {
  const known = Object.keys(schema.properties ?? {});
  return finding('UnknownField', {
    pointer: pointerTo(...path, name),
    found: member,
    expected: known.length > 12 ? 'a known field' : `one of ${known.map((field) => `'${field}'`).join(', ')}`,
    message: `found the unknown field ${quote(name)} in ${place(path)}; it has no effect`,
    hint: meantHint(name, known),
  });
}

function missingMembers(schema: DocumentSchema, value: JsonObject, path: Path): readonly Finding[] {
  const missing = (schema.required ?? []).filter((name) => !Object.hasOwn(value, name));
  return missing.map((name) => {
    const expected = expectation(schema.properties?.[name] ?? {});
    return finding('MissingField', {
      pointer: pointerTo(...path, name),
      found: undefined,
      expected,
      message: `found no '${name}' in ${place(path)}, expected ${expected}`,
    });
  });
}

function expectation({ enum: known, description }: DocumentSchema): string {
  if (known === undefined) return description ?? 'another value';
  const values = known.map((value) => JSON.stringify(value));
  return [values.slice(0, -1).join(', '), ...values.slice(-1)].filter((part) => part !== '').join(' or ');
}

function hasType({ type, anyOf }: DocumentSchema, value: Json): boolean {
  if (anyOf !== undefined) return anyOf.some((candidate) => hasType(candidate, value));
  return type === undefined || type === typeName(value) || (type === 'integer' && Number.isInteger(value));
}

function typeName(value: Json): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function article(type: string): string {
  if (type === 'null') return type;
  return `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`;
}

/** How long a value is that is too long; null when it is not. Characters are code points, of which a text has no more than code units. */
function excessOf({ maxLength, maxItems, maxProperties }: DocumentSchema, value: Json): string | null {
  if (typeof value === 'string') {
    if (maxLength === undefined || value.length <= maxLength) return null;
    const characters = [...value].length;
    return characters > maxLength ? `${characters} characters` : null;
  }
  const limit = Array.isArray(value) ? maxItems : maxProperties;
  if (limit === undefined || typeof value !== 'object' || value === null) return null;
  const members = Object.keys(value).length;
  return members > limit ? `${members} members` : null;
}

function hasForm({ pattern, minLength = 0 }: DocumentSchema, text: string): boolean {
  return text.length >= minLength && (pattern === undefined || new RegExp(pattern, 'u').test(text));
}

function inRange(schema: DocumentSchema, value: number): boolean {
  const { minimum = -Infinity, maximum = Infinity, exclusiveMinimum = -Infinity } = schema;
  return value >= minimum && value <= maximum && value > exclusiveMinimum;
}

/** `pools.internal.subnet of device.json`; the file alone for its root. */
function place(path: Path): string {
  const [file = 'the state', ...members] = path;
  return members.length === 0 ? String(file) : `'${members.join('.')}' of ${file}`;
}
