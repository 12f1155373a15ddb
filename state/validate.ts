import { checkDocument } from './check-document.ts';
import { specPath, stateSpec } from './component.ts';
import { type Finding, quote } from './finding.ts';
import { finding } from './finding-catalog.ts';
import type { Json } from './json.ts';
import { MAX_ENTRIES, MAX_FINDINGS } from './limits.ts';
import type { ContainerManifest, DeviceManifest } from './manifest.ts';
import { meantHint } from './nearest-name.ts';
import { relativePathProblem } from './path-problem.ts';
import { pointerTo } from './pointer.ts';
import type { FlatState } from './revision.ts';
import { isSha256 } from './sha256.ts';

/**
 * What is wrong with a flat state in itself, whatever its documents mean (REV-1, REV-8): counts, paths, values. Never
 * throws. Reads every entry: where few have changed, `validateEntry` of those is the same. Of a hostile state, the first
 * MAX_FINDINGS findings.
 */
export function validateFlat(state: FlatState): readonly Finding[] {
  const entries = Object.entries(state);
  if (entries.length > MAX_ENTRIES) return [tooManyEntries(entries.length)];
  const findings: Finding[] = [];
  for (const [path, value] of entries) {
    if (findings.length >= MAX_FINDINGS) break;
    findings.push(...validateEntry(path, value));
  }
  return findings;
}

/** What is wrong with one entry of a flat state, alone: its path, and what stands there. */
export function validateEntry(path: string, value: Json): readonly Finding[] {
  if (path === specPath) return value === stateSpec ? [] : [unknownStateSpec(value)];
  const problem = relativePathProblem(path);
  if (problem !== null) return [refusedPath(path, problem)];
  if (path.endsWith('.json')) return checkDocument(path, value);
  return isSha256(value) ? [] : [notADigest(path, value)];
}

/** What is wrong with a state that is no more than what it lacks: in that it has no `#spec`. */
export function missingSpec(): Finding {
  const expected = `"${specPath}": ${quote(stateSpec)}`;
  return finding('StateSpecMissing', {
    pointer: pointerTo(specPath),
    found: undefined,
    expected,
    message: `found no '${specPath}' in the state, expected ${expected}; it is read as if that were there`,
    hint: `add ${expected}`,
  });
}

/** What there is to say of a state that is in order and wants nothing. */
export function nothingLeft(): Finding {
  const expected = 'at least one container or pool';
  return finding('NothingLeft', {
    pointer: '',
    found: undefined,
    expected,
    message: `found neither containers nor pools in the state, expected ${expected}: nothing is left, and everything that is there would be removed`,
    hint: '`holdfast down` is meant for that',
  });
}

/**
 * What a container asks of the device that is not there (CTR-6, LEASE-5): a group, which is an error where the device has
 * any, and a warning where it has none; a pool, which is a warning here and blocks the container later. Depends on nothing but the two. Of a device without errors: what is left
 * out of a manifest for its errors would seem not to be there.
 */
export function validateContainerAgainst(
  device: DeviceManifest,
  { name, group, network, pointer }: ContainerManifest,
): readonly Finding[] {
  const groups = device.groups.map((known) => known.name);
  const findings: Finding[] = [];
  if (group !== null && groups.length === 0) findings.push(undefinedGroup(name, group, pointer));
  else if (group !== null && !groups.includes(group))
    findings.push(unknownGroup(name, group, groups, pointer));
  for (const { pool, pointer: at } of network.mode === 'pool' ? network.interfaces : []) {
    if (!device.pools.has(pool)) findings.push(undefinedPool(name, pool, [...device.pools.keys()], at));
  }
  return findings;
}

function unknownGroup(name: string, group: string, groups: readonly string[], pointer: string): Finding {
  const expected = 'the name of a group in device.json';
  return finding('GroupUnknown', {
    pointer: `${pointer}${pointerTo('group')}`,
    found: group,
    expected,
    message: `found group '${group}' for container '${name}', expected ${expected}`,
    hint: meantHint(group, groups),
  });
}

function undefinedGroup(name: string, group: string, pointer: string): Finding {
  const expected = 'the name of a group in device.json';
  return finding('GroupNotDefined', {
    pointer: `${pointer}${pointerTo('group')}`,
    found: group,
    expected,
    message: `found group '${group}' for container '${name}' and no groups in device.json, expected ${expected}; the container counts as one in no group`,
    hint: `add { "name": "${group}" } to \`groups\` of device.json`,
  });
}

function undefinedPool(name: string, pool: string, pools: readonly string[], pointer: string): Finding {
  const expected = 'the name of a pool in device.json';
  return finding('PoolNotDefined', {
    pointer,
    found: pool,
    expected,
    message: `found pool '${pool}' for container '${name}', expected ${expected}; the container will be blocked`,
    hint: meantHint(pool, pools),
  });
}

function refusedPath(path: string, problem: string): Finding {
  const expected = 'a relative, normalised path of printable characters';
  return finding('PathRefused', {
    pointer: pointerTo(path),
    found: path,
    expected,
    message: `found ${problem}, ${quote(path)}, expected ${expected}`,
  });
}

function notADigest(path: string, value: Json): Finding {
  const expected = 'the sha256 of an object: 64 lower-case hexadecimal digits';
  const isDocument = typeof value !== 'string';
  return finding('NotADigest', {
    pointer: pointerTo(path),
    found: value,
    expected,
    message: `found ${isDocument ? 'a document' : quote(value)} at the path ${quote(path)}, expected ${expected}`,
    hint: isDocument ? 'documents stand at paths that end in .json' : null,
  });
}

function unknownStateSpec(value: Json): Finding {
  return finding('StateSpecUnknown', {
    pointer: pointerTo(specPath),
    found: value,
    expected: quote(stateSpec),
    message: `found the state specification ${quote(value)}, expected ${quote(stateSpec)}`,
  });
}

function tooManyEntries(count: number): Finding {
  return finding('TooManyValues', {
    pointer: '',
    found: count,
    expected: `at most ${MAX_ENTRIES} entries`,
    message: `found ${count} entries in the state, expected at most ${MAX_ENTRIES}`,
  });
}
