import { readFileSync } from 'node:fs';

/** Memory of a process that is in RAM, in MiB. */
export function residentMiB(pid: number): number {
  const kilobytes = readFileSync(`/proc/${pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+) kB$/m)?.[1];
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status has no VmRSS: the controller is gone`);
  return Number(kilobytes) / 1024;
}
