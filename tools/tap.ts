/**
 * Reading of AVA's TAP output (https://testanything.org/tap-version-13-specification.html): what a run amounts to, and
 * the parts of it that a person needs to see.
 */

/** What a test run amounts to so far. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const emptyTally: Tally = { passed: 0, failed: 0, skipped: 0 };

export function addTallies(left: Tally, right: Tally): Tally {
  return {
    passed: left.passed + right.passed,
    failed: left.failed + right.failed,
    skipped: left.skipped + right.skipped,
  };
}

/** State of reading: the tally, and whether the lines that come now explain a failure. */
export interface TapState {
  readonly tally: Tally;
  readonly inFailure: boolean;
}

export const tapStart: TapState = { tally: emptyTally, inFailure: false };

/** True for a line of TAP itself; anything else is what a test printed, or explains the result before it. */
function isStructure(line: string): boolean {
  return /^(ok|not ok|TAP version|1\.\.\d|# (tests|pass|fail|skip|todo) \d)/.test(line);
}

/** The state after one more line, and whether that line is to be shown: failures with all that explains them, skips, notes. */
export function readTapLine(
  state: TapState,
  line: string,
): { readonly state: TapState; readonly show: boolean } {
  // AVA's `#   text` is a test's log; `# title` only names what ran a hook.
  if (!isStructure(line)) return { state, show: state.inFailure || line.startsWith('#  ') };
  const { tally } = state;
  if (line.startsWith('not ok')) {
    return { state: { tally: { ...tally, failed: tally.failed + 1 }, inFailure: true }, show: true };
  }
  if (!line.startsWith('ok')) return { state: { tally, inFailure: false }, show: false };
  const skipped = /# (SKIP|TODO)\b/i.test(line);
  const next = skipped ? { ...tally, skipped: tally.skipped + 1 } : { ...tally, passed: tally.passed + 1 };
  return { state: { tally: next, inFailure: false }, show: skipped };
}

/** A run that ends badly without a failed test (it crashed, it ran nothing) still counts as one failure. */
export function closeTally(tally: Tally, exitCode: number): Tally {
  return exitCode !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally;
}
