/** How things are measured here: medians, and where two things are compared, of runs taken in turns. */

/** One line of the report. */
export interface Reading {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What it is measured against; null where there is nothing. */
  readonly peer: string | null;
  readonly peerValue: number | null;
  /** `value / peerValue`. */
  readonly ratio: number | null;
  /** What is asked of it, in words; null where nothing is. */
  readonly limit: string | null;
  /** Whether it keeps its limit; null without one. */
  readonly ok: boolean | null;
}

/** How much is too much, or too little. */
type Bound = { readonly atMost: number } | { readonly atLeast: number };

function keeps(bound: Bound, value: number): boolean {
  return 'atMost' in bound ? value <= bound.atMost : value >= bound.atLeast;
}

function boundText(bound: Bound): string {
  return 'atMost' in bound ? `≤ ${bound.atMost}` : `≥ ${bound.atLeast}`;
}

/** What a benchmark says of itself, beside what it measured. */
export interface Question {
  readonly name: string;
  readonly unit: string;
  readonly peer?: { readonly name: string; readonly value: number };
  readonly limit?: { readonly of: 'value' | 'ratio' } & Bound;
}

/** Three digits are more than this machine can tell apart. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

export function reading(question: Question, value: number): Reading {
  const { peer, limit } = question;
  const ratio = peer === undefined ? null : value / peer.value;
  const measured = limit?.of === 'ratio' ? ratio : value;
  return {
    name: question.name,
    value: rounded(value),
    unit: question.unit,
    peer: peer?.name ?? null,
    peerValue: peer === undefined ? null : rounded(peer.value),
    ratio: ratio === null ? null : rounded(ratio),
    limit: limit === undefined ? null : `${limit.of} ${boundText(limit)}`,
    ok: limit === undefined || measured === null ? null : keeps(limit, measured),
  };
}

/** The middle of `values`; of an even number, the upper one of the middle two. */
export function median(values: readonly number[]): number {
  const ascending = [...values].sort((left, right) => left - right);
  const middle = ascending[Math.floor(ascending.length / 2)];
  if (middle === undefined)
    throw new RangeError('found no values, expected at least one to take the median of');
  return middle;
}

/** The value that so great a share (0…1) of `values` do not exceed; the greatest for 1. */
export function quantile(values: readonly number[], share: number): number {
  const ascending = [...values].sort((left, right) => left - right);
  const found = ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)];
  if (found === undefined) throw new RangeError('found no values, expected at least one');
  return found;
}

/** How long `work` takes, in milliseconds. */
export async function timed(work: () => void | Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** Medians of what the measurements return, each taken `rounds` times, in turns, so that a slow minute is everybody's. */
export async function inTurns(
  rounds: number,
  measurements: readonly (() => number | Promise<number>)[],
): Promise<readonly number[]> {
  const taken = measurements.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, measure] of measurements.entries()) taken[index]?.push(await measure());
  }
  return taken.map(median);
}
