import { readIfThere } from './read-if-there.ts';

/** A process, told from a later one with the same id. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to its start (proc(5), stat, field 22). */
  readonly startTime: string;
}

/** Null where there is no such process any more: it has ended, whether its parent has taken notice (a zombie) or not. */
export function identify(pid: number): ProcessIdentity | null {
  const fields = statFields(readIfThere(`/proc/${pid}/stat`) ?? '');
  const startTime = fields[19];
  return startTime === undefined || hasEnded(fields) ? null : { pid, startTime };
}

/** What follows the program's name in `/proc/<pid>/stat`, which has whatever it likes in it: the first is the state (proc(5), field 3). */
export function statFields(stat: string): readonly string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** A process whose first thread has ended still has all of its descriptors while others of it are there (field 20). */
export function hasEnded([state, ...fields]: readonly string[]): boolean {
  return state === 'X' || (state === 'Z' && Number(fields[16]) <= 1);
}
