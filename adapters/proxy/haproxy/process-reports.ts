import { servedDigests } from './route-map.ts';

/** What processes of HAProxy say of themselves, read (management.txt, 9.3 and 9.4). */

/** `show info` and `servedQuestion`, answered by a process that serves. */
export interface WorkerReport {
  readonly pid: number;
  /** Digest of the text that it has read. */
  readonly structure: string;
  /** Digest of all that it serves (see servedDigests). */
  readonly served: readonly string[];
  /** It has been replaced: it takes no connection any more, and ends with the last one that it has. */
  readonly isDraining: boolean;
}

/** Null where that is no such report, or a part of one. */
export function readWorkerReport(text: string): WorkerReport | null {
  const [pid, stopping, structure] = [
    /^Pid: (\d+)$/m,
    /^Stopping: (\d)$/m,
    /^description: ([0-9a-f]{64})$/m,
  ].map((pattern) => pattern.exec(text)?.[1]);
  if (pid === undefined || stopping === undefined || structure === undefined) return null;
  return { pid: Number(pid), structure, served: servedDigests(text), isDraining: stopping !== '0' };
}

/** It serves this, and is not in the middle of changing. */
export function serves({ served }: WorkerReport, digest: string): boolean {
  return served.length === 1 && served[0] === digest;
}

/** New connections are served by this, whatever has still to be done about others. */
export function hasTaken({ served }: WorkerReport, digest: string): boolean {
  return served.at(-1) === digest;
}

/** `show proc` of the master. */
export interface MasterReport {
  readonly reloads: number;
  /** Attempts to start anew that have failed since one last succeeded. */
  readonly failures: number;
  readonly worker: number | null;
  readonly draining: readonly number[];
}

/** Null where that is no such report. */
export function readMasterReport(text: string): MasterReport | null {
  const master = /^\d+\s+master\s+(\d+) \[failed: (\d+)\]/m.exec(text);
  if (master === null) return null;
  const [current = '', old = ''] = text.split('# old workers');
  const workers = (part: string) => [...part.matchAll(/^(\d+)\s+worker\s/gm)].map(([, pid]) => Number(pid));
  return {
    reloads: Number(master[1]),
    failures: Number(master[2]),
    worker: workers(current)[0] ?? null,
    draining: workers(old),
  };
}

/** What has gone through one section. */
export interface Count {
  readonly connections: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** What a process has carried. */
export interface Counts {
  /** By section that leads to a provider. */
  readonly carried: ReadonlyMap<string, Count>;
  /** Connections that are open now, by name of the socket that they came to: of those that have one. */
  readonly open: ReadonlyMap<string, number>;
}

/** Asks for sections that lead to providers, and for sockets (management.txt, `show stat`: types 2 and 8). */
export const countQuestion = 'show stat -1 10 -1';

/** `countQuestion`, whose answer is CSV; its first line names the columns. */
export function readCounts(text: string): Counts {
  const [head = '', ...lines] = text.split('\n');
  const names = head.replace(/^# /, '').split(',');
  const column = (name: string) => names.indexOf(name);
  const columns = { name: column('pxname'), socket: column('svname'), open: column('scur') };
  const [stot, bin, bout] = [column('stot'), column('bin'), column('bout')];
  const rows = lines.filter((line) => line.includes(',')).map((line) => line.split(','));
  const numberIn = (row: readonly string[], index: number) => Number(row[index] ?? 0);
  const leads = (row: readonly string[]) => row[columns.socket] === 'BACKEND';
  return {
    carried: new Map(
      rows
        .filter(leads)
        .map((row) => [
          row[columns.name] ?? '',
          { connections: numberIn(row, stot), bytesIn: numberIn(row, bin), bytesOut: numberIn(row, bout) },
        ]),
    ),
    open: new Map(
      rows
        .filter((row) => !leads(row))
        .map((row) => [row[columns.socket] ?? '', numberIn(row, columns.open)]),
    ),
  };
}
