/** An invariant that did not hold. */
export interface Problem {
  /** Virtual milliseconds. */
  readonly at: number;
  /** The invariant, in words that are the same each time: two runs fail alike when these are equal. */
  readonly rule: string;
  readonly detail: string;
}

export type Finding = Omit<Problem, 'at'>;

/** What is wrong; empty when nothing is. */
export type Findings = readonly Finding[];

export function problemText({ at, rule, detail }: Problem): string {
  return `${at} ${rule}: ${detail}`;
}
