/** How many single revisions are named beside the newest ones. */
const numbersShown = 3;

/** Where the unbroken run of numbers begins that ends with the last one. */
function startOfRun(numbers: readonly number[]): number {
  let index = numbers.length - 1;
  while (index > 0 && numbers[index - 1] === (numbers[index] ?? 0) - 1) index--;
  return index;
}

/**
 * That no remembered revision has this number, and which ones are remembered: the newest ones, and those older ones that were spared.
 * `remembered` ascends.
 */
export function unknownRevisionText(revision: number, remembered: readonly number[]): string {
  const newest = remembered.at(-1);
  if (newest === undefined) return `there is no revision ${revision}: none is known yet`;
  const start = startOfRun(remembered);
  const spared = remembered.slice(0, start);
  const named = spared.length > numbersShown ? `${spared.length} older ones` : spared.join(', ');
  const also = spared.length === 0 ? '' : `, and ${named}`;
  const run = `those from ${remembered[start]} to ${newest} are`;
  return revision >= 1 && revision < newest
    ? `revision ${revision} is not remembered any more: ${run}${also}`
    : `there is no revision ${revision}: ${run} remembered${also}`;
}
