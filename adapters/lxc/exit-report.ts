/**
 * How the container's init ended, in words, from the log of the LXC monitor (`lxc_error_set_and_log` in liblxc writes
 * `Child <49> ended on signal Killed(9)` or `Child <49> ended on error (3)` or nothing for status 0 in some versions). Null
 * where the log does not say.
 */
export function exitReport(log: string): string | null {
  const ends = [...log.matchAll(/Child <\d+> ended on (?:signal (\w[^\n]*)\((\d+)\)|error \((\d+)\))/g)];
  const last = ends.at(-1);
  if (last === undefined) return null;
  const [, signal, number, status] = last;
  return status === undefined
    ? `its init was ended by signal ${number} (${signal})`
    : `its init exited with status ${status}`;
}
