/**
 * The values of both sources as they come. Ends when one of them does, and throws what one of them throws; what ends the other is up to
 * the caller.
 */
export async function* merged<One, Other>(
  one: AsyncIterator<One, void>,
  other: AsyncIterator<Other, void>,
): AsyncGenerator<One | Other, void> {
  let first = asked(one);
  let second = asked(other);
  for (;;) {
    const { source, result } = await Promise.race([first, second]);
    if (result.done === true) return;
    yield result.value;
    if (source === one) first = asked(one);
    else second = asked(other);
  }
}

interface Answer<Value> {
  readonly source: unknown;
  readonly result: IteratorResult<Value, void>;
}

function asked<Value>(source: AsyncIterator<Value, void>): Promise<Answer<Value>> {
  const answer = source.next().then((result) => ({ source, result }));
  // Whoever waits for the other one learns of this failure, or of that one's: never of none, but not of both.
  answer.catch(() => undefined);
  return answer;
}
