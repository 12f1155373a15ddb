import { readIfThere } from './read-if-there.ts';

/** The process that started `pid`, or took it over; null: it is not there. The name in `stat` may have any byte but a newline in it (proc(5)). */
export function parentOf(pid: number): number | null {
  const stat = readIfThere(`/proc/${pid}/stat`);
  const [, parent] = stat === null ? [] : stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return parent === undefined ? null : Number(parent);
}
