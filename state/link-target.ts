import { type Finding, quote } from './finding.ts';
import { finding } from './finding-catalog.ts';
import type { ServiceManifest } from './manifest.ts';
import { normalisedPathProblem } from './path-problem.ts';

/** What a target is, for people. */
export const targetDescription = 'an absolute, normalised path in the container, outside of /proc and /sys';

/** The kernel's own, which tells of processes and devices and has no room for what is ours. */
const kernelDirectories: readonly string[] = ['/proc', '/sys'];

/** Why no service can appear at `path` in a container, whatever the container has there; in words, null: it can (LINK-11). */
export function targetProblem(path: string): string | null {
  const problem = normalisedPathProblem(path);
  if (problem !== null) return problem;
  const inKernel = kernelDirectories.find(
    (directory) => path === directory || path.startsWith(`${directory}/`),
  );
  return inKernel === undefined ? null : `a path in ${inKernel}`;
}

/**
 * Where a service appears that is given no target: by its name, but a device where its provider has it. Null: there is no such place, for one
 * whose name is no name of a file.
 */
export function defaultTarget({ name, type, socket }: ServiceManifest): string | null {
  const target = type === 'drm' && socket !== null ? socket : `/run/pv/services/${name}.sock`;
  const isNoName = type !== 'drm' && name.includes('/');
  return isNoName || targetProblem(target) !== null ? null : target;
}

/** A service at its place in a container. */
export interface Placed {
  readonly service: string;
  readonly target: string;
  /** JSON pointer to the requirement. */
  readonly pointer: string;
}

/** An error for each that has the place of one before it, or one that the other needs as a directory (LINK-3). */
export function targetsTwice(container: string, all: readonly Placed[]): readonly Finding[] {
  const taken = new Map<string, Placed>();
  const findings: Finding[] = [];
  for (const placed of all) {
    const other = taken.get(placed.target);
    if (other === undefined) taken.set(placed.target, placed);
    else findings.push(twice(container, placed, other));
  }
  return [...findings, ...nested(container, [...taken.values()])];
}

/** Of different targets, those below another one. Sorted with the slash before all else, a target stands right before what is below it. */
function nested(container: string, targets: readonly Placed[]): readonly Finding[] {
  const sorted = targets
    .map((placed) => ({ placed, key: placed.target.replaceAll('/', '\0') }))
    .sort((one, other) => (one.key < other.key ? -1 : 1));
  let above: Placed | null = null;
  const findings: Finding[] = [];
  for (const { placed } of sorted) {
    if (above !== null && placed.target.startsWith(`${above.target}/`)) {
      findings.push(twice(container, placed, above));
    } else above = placed;
  }
  return findings;
}

function twice(container: string, placed: Placed, other: Placed): Finding {
  const expected = 'a place of its own for each, neither of them below the other';
  const there = placed.target === other.target ? 'there too' : `at ${quote(other.target)}`;
  return finding('ServiceTargetTwice', {
    pointer: placed.pointer,
    found: placed.target,
    expected,
    message: `found service ${quote(placed.service)} at ${quote(placed.target)} of container '${container}', and ${quote(other.service)} ${there} (${other.pointer}); expected ${expected}`,
    hint: 'give one of them another `target`',
  });
}
