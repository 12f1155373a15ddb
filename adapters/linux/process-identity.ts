import { readIfThere } from './read-if-there.ts';

/** A process, told from a later one with the same id. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to its start (proc(5), stat, field 22). */
  readonly startTime: string;
}

/** Null where there is no such process any more. */
export function identify(pid: number): ProcessIdentity | null {
  const stat = readIfThere(`/proc/${pid}/stat`);
  // The second field is the program's name in parentheses, with whatever it likes in it.
  const startTime = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return startTime === undefined ? null : { pid, startTime };
}
