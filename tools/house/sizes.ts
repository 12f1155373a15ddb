import type { Source } from './sources.ts';

/** Median, 90th percentile and greatest of a set of sizes; zeros for none. */
export interface Spread {
  readonly median: number;
  readonly ninetieth: number;
  readonly greatest: number;
}

/** The value below which `share` (0…1) of the ascending `sizes` lie. */
function quantile(sizes: readonly number[], share: number): number {
  return sizes[Math.min(sizes.length - 1, Math.floor(share * sizes.length))] ?? 0;
}

export function spreadOf(sizes: readonly number[]): Spread {
  const ascending = [...sizes].sort((left, right) => left - right);
  return {
    median: quantile(ascending, 0.5),
    ninetieth: quantile(ascending, 0.9),
    greatest: ascending.at(-1) ?? 0,
  };
}

export function fileSizes(sources: readonly Source[]): readonly number[] {
  return sources.map((source) => source.lines);
}

export function functionSizes(sources: readonly Source[]): readonly number[] {
  return sources.flatMap((source) => source.functions.map((sized) => sized.lines));
}

/** Files longer than `limit` lines, in words: each is usually two things. */
export function longFiles(sources: readonly Source[], limit: number): readonly string[] {
  return sources
    .filter((source) => source.lines > limit)
    .map((source) => `${source.path} has ${source.lines} lines, at most ${limit} are expected`);
}
