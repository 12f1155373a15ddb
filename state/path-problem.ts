import { hostileName } from './check-document.ts';
import { MAX_PATH_BYTES, MAX_SEGMENT_BYTES } from './limits.ts';

/** Why a path cannot stand in a state, which has relative, normalised ones (REV-8); in words, null: it can. */
export function relativePathProblem(path: string): string | null {
  if (path === '') return 'an empty path';
  if (path.startsWith('/')) return 'an absolute path';
  return textProblem(path) ?? segmentsProblem(path);
}

/** Why a path is none in a container: an absolute one, whether it is normalised or not; in words, null: it is one. */
export function absolutePathProblem(path: string): string | null {
  return path.startsWith('/') ? textProblem(path) : 'a relative path';
}

/** Why a path is no normalised one in a container, of something below its root; in words, null: it is. */
export function normalisedPathProblem(path: string): string | null {
  if (path === '/') return 'the root itself';
  return absolutePathProblem(path) ?? segmentsProblem(path.slice(1));
}

function textProblem(path: string): string | null {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return `a path of more than ${MAX_PATH_BYTES} bytes`;
  if (!path.isWellFormed()) return 'a path with half a surrogate pair';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(path)) return 'a path with a control character';
  return null;
}

function segmentsProblem(path: string): string | null {
  for (const segment of path.split('/')) {
    const problem = segmentProblem(segment);
    if (problem !== null) return problem;
  }
  return null;
}

function segmentProblem(segment: string): string | null {
  if (segment === '') return 'a path with an empty segment';
  if (segment === '.' || segment === '..') return `a path with the segment '${segment}'`;
  if (segment === hostileName) return `a path with the segment '${hostileName}'`;
  return Buffer.byteLength(segment) > MAX_SEGMENT_BYTES
    ? `a segment of more than ${MAX_SEGMENT_BYTES} bytes`
    : null;
}
