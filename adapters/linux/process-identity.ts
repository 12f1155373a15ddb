import { readIfThere } from './read-if-there.ts';

/** A process, told from a later one with the same id. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to its start (proc(5), stat, field 22). */
  readonly startTime: string;
}

/** Null where there is no such process any more: it has ended, whether its parent has taken notice (a zombie) or not. */
export function identify(pid: number): ProcessIdentity | null {
  const stat = readIfThere(`/proc/${pid}/stat`);
  // The second field is the program's name in parentheses, with whatever it likes in it.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  const [state, startTime] = [fields[0], fields[19]];
  return startTime === undefined || state === 'Z' || state === 'X' ? null : { pid, startTime };
}
