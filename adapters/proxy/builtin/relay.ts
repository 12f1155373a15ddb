import type { Duplex } from 'node:stream';

/**
 * Carries bytes both ways until both sides have ended, as fast as the slower one takes them. An end at one side is an end for the other, in
 * that direction alone (ING-5); an error at one side ends both. Both have to be made with `allowHalfOpen`.
 */
export function relay(one: Duplex, other: Duplex): void {
  one.pipe(other);
  other.pipe(one);
  endTogether(one, other);
  endTogether(other, one);
}

function endTogether(one: Duplex, other: Duplex): void {
  // What went wrong is told by closing; there is nobody to tell it to in words.
  one.on('error', () => {});
  one.once('timeout', () => one.destroy());
  one.once('close', () => {
    if (one.errored !== null || !one.readableEnded || !other.writableEnded) other.destroy();
  });
}
