/** Units of relative times, the longest first, in seconds. */
const units: readonly (readonly [seconds: number, name: string])[] = [
  [86_400, 'day'],
  [3_600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
];

/** How long before `now` something was: `3 minutes ago`; whole units, rounded down. Both are milliseconds since the epoch. */
export function ago(milliseconds: number, now: number): string {
  const seconds = Math.floor((now - milliseconds) / 1000);
  for (const [length, name] of units) {
    const number = Math.floor(seconds / length);
    if (number >= 1) return `${number} ${name}${number === 1 ? '' : 's'} ago`;
  }
  // A clock that was set back must not make anything happen in the future.
  return 'just now';
}

/**
 * Milliseconds since the epoch in the time of a place, with its distance from UTC: `2026-11-22 04:23:01 +0200` (RFC 3339 with
 * spaces). `offsetMinutes` is that of the place at that time, as `Date.getTimezoneOffset` has it: positive west of Greenwich.
 */
export function localInstant(
  milliseconds: number,
  offsetMinutes: number = new Date(milliseconds).getTimezoneOffset(),
): string {
  const shifted = new Date(milliseconds - offsetMinutes * 60_000).toISOString();
  const distance = Math.abs(offsetMinutes);
  const two = (number: number) => String(number).padStart(2, '0');
  const zone = `${offsetMinutes > 0 ? '-' : '+'}${two(Math.floor(distance / 60))}${two(distance % 60)}`;
  return `${shifted.slice(0, 10)} ${shifted.slice(11, 19)} ${zone}`;
}
