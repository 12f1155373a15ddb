import { readFileSync } from 'node:fs';
import { concat, Observable, of, retry, throwError } from 'rxjs';
import type { Commands } from './command.ts';

/** `look`: something of ours may be other than it was. `relist`: changes may have been missed. */
export type MonitorEvent = { readonly type: 'look' } | { readonly type: 'relist'; readonly reason: string };

/** Calls `fire` once, `delayMs` from now at the earliest; returns what cancels it. The controller's clock has it. */
export type After = (delayMs: number, fire: () => void) => () => void;

/** Takes a line that a monitor prints; calls `look` where it matters, then or later. */
export type TakeLine = (line: string, look: () => void) => void;

export interface PersistentMonitorOptions {
  readonly commands: Commands;
  readonly after: After;
  /** Makes what reads the lines, anew for each start of the program. */
  readonly reader: () => TakeLine;
  /** The program listens to the kernel. */
  readonly listening: () => void;
}

/** A monitor that broke is started again after this long, doubling up to the longest. */
const firstRestartMs = 100;
const longestRestartMs = 60_000;

/** How often, and how many times, a new monitor is looked at for whether it listens yet: some 3 ms are usual. */
const listenCheckMs = 2;
const listenChecks = 500;

/**
 * News from a program that prints what the kernel tells it through netlink, while somebody is subscribed; one that ends is started again. The
 * first event is a `look` once it listens: what changed before that has been missed by it, not by who looks then. Never errors or completes.
 */
export function persistentMonitor(
  argv: readonly string[],
  options: PersistentMonitorOptions,
): Observable<MonitorEvent> {
  let restarted = false;
  const once = new Observable<MonitorEvent>((subscriber) => {
    const look = () => subscriber.next({ type: 'look' });
    const lost = (line: string) => subscriber.next({ type: 'relist', reason: `${argv[0]} monitor: ${line}` });
    const take = options.reader();
    let stopWaiting = () => {};
    const onSpawn = (pid: number) => {
      stopWaiting = whenListening(pid, options.after, () => {
        options.listening();
        if (restarted) lost('was started again');
        else look();
        restarted = true;
      });
    };
    const subscription = options.commands
      .lines(argv, { onSpawn, onComplaint: lost, endsWithUs: true })
      .subscribe({
        next: (line) => take(line, look),
        error: (error) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
    return () => {
      stopWaiting();
      subscription.unsubscribe();
    };
  });
  const ended = throwError(() => new Error(`'${argv.join(' ')}' ended`));
  return concat(once, ended).pipe(
    retry({ delay: (_error, failures) => pause(restartDelayMs(failures), options.after) }),
  );
}

function restartDelayMs(failures: number): number {
  return Math.min(firstRestartMs * 2 ** (failures - 1), longestRestartMs);
}

function pause(delayMs: number, after: After): Observable<true> {
  return new Observable((subscriber) =>
    after(delayMs, () => {
      of(true as const).subscribe(subscriber);
    }),
  );
}

/** Calls `ready` once the process listens to the kernel, or after a second at the latest. Returns what cancels it. */
function whenListening(pid: number, after: After, ready: () => void): () => void {
  let checks = 0;
  let cancel = () => {};
  const check = () => {
    checks += 1;
    if (checks >= listenChecks || listens(pid)) ready();
    else cancel = after(listenCheckMs, check);
  };
  cancel = after(listenCheckMs, check);
  return () => cancel();
}

/** The process has a netlink socket that is subscribed to a group: the kernel names sockets by the process that made them. */
function listens(pid: number): boolean {
  return readFileSync('/proc/net/netlink', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .some((fields) => fields[2] === String(pid) && Number.parseInt(fields[3] ?? '0', 16) !== 0);
}
