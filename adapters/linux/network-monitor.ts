import { readFileSync } from 'node:fs';
import { concat, merge, Observable, of, retry, throwError } from 'rxjs';
import type { Commands } from './command.ts';
import { type Interest, NftMonitorReader, readIpLine } from './monitor-lines.ts';
import type { OwnWrites } from './own-writes.ts';

/** `look`: something of ours may be other than it was. `relist`: changes may have been missed. */
export type MonitorEvent = { readonly type: 'look' } | { readonly type: 'relist'; readonly reason: string };

/** Calls `fire` once, `delayMs` from now at the earliest; returns what cancels it. The controller's clock has it. */
export type After = (delayMs: number, fire: () => void) => () => void;

export interface MonitorOptions {
  readonly commands: Commands;
  /** Name of our nftables table. */
  readonly table: string;
  /** What we write to the table ourselves. */
  readonly writes: OwnWrites;
  /** What to look out for, now. */
  readonly interest: () => Interest;
  /** Told the name of a host end of a veth pair of ours when it is there no more, from whatever cause. */
  readonly memberGone: (name: string) => void;
  readonly after: After;
}

const ipMonitor = ['ip', '-oneline', 'monitor', 'link', 'address', 'route', 'netconf'] as const;
const nftMonitor = ['nft', 'monitor'] as const;

/** A monitor that broke is started again after this long, doubling up to the longest. */
const firstRestartMs = 100;
const longestRestartMs = 60_000;

/**
 * How long a suspicion may wait to be cleared: the kernel takes some 20 ms from taking a veth off its bridge to deleting it, and several
 * times that where other programs keep it busy. What is not cleared is repaired within a second all the same (ENG-2).
 */
const suspicionMs = 300;

/** How often, and how many times, a new monitor is looked at for whether it listens yet: some 3 ms are usual. */
const listenCheckMs = 2;
const listenChecks = 500;

/**
 * News from the kernel, as `ip monitor` and `nft monitor` (where it is installed) tell it. The first event is a `look`
 * once they listen: what changed before that has been missed by them, not by who looks then. Never errors or completes.
 */
export function monitorNetwork(options: MonitorOptions): Observable<MonitorEvent> {
  const ip = persistent(ipMonitor, options, () => readLinks(options));
  if (options.commands.find('nft') === null) return ip;
  const nft = persistent(nftMonitor, options, () => {
    const reader = new NftMonitorReader(options.table, options.writes);
    return (line, look) => {
      if (reader.take(line)) look();
    };
  });
  return merge(ip, nft);
}

type TakeLine = (line: string, look: () => void) => void;

/** Suspicions that are not cleared in time count, all together. */
function readLinks({ interest, memberGone, after }: MonitorOptions): TakeLine {
  const suspicions = new Set<string>();
  return (line, look) => {
    const news = readIpLine(line, interest());
    if (news === null) return;
    if (news.type === 'look') return look();
    if (news.type !== 'suspect') {
      suspicions.delete(news.what);
      if (news.type === 'gone') memberGone(news.name);
      return;
    }
    if (suspicions.size === 0) {
      const decide = () => {
        if (suspicions.size > 0) look();
        suspicions.clear();
      };
      // Where this process was kept waiting, what clears them may be there, unread: one more turn reads it.
      after(suspicionMs, () => after(0, decide));
    }
    suspicions.add(news.what);
  };
}

function persistent(
  argv: readonly string[],
  options: MonitorOptions,
  reader: () => TakeLine,
): Observable<MonitorEvent> {
  let restarted = false;
  const once = new Observable<MonitorEvent>((subscriber) => {
    const look = () => subscriber.next({ type: 'look' });
    const lost = (line: string) => subscriber.next({ type: 'relist', reason: `${argv[0]} monitor: ${line}` });
    const take = reader();
    let stopWaiting = () => {};
    const onSpawn = (pid: number) => {
      stopWaiting = whenListening(pid, options.after, () => {
        options.writes.reset();
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
