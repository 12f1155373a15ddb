import { statFields } from './process-identity.ts';
import { readIfThere } from './read-if-there.ts';

/** The process that started `pid`, or took it over; null: it is not there. */
export function parentOf(pid: number): number | null {
  const stat = readIfThere(`/proc/${pid}/stat`);
  const [, parent] = stat === null ? [] : statFields(stat);
  return parent === undefined ? null : Number(parent);
}
