import { merge, type Observable } from 'rxjs';
import type { Commands } from './command.ts';
import { type Interest, NftMonitorReader, type RuleInterest, readIpLine } from './monitor-lines.ts';
import type { OwnWrites } from './own-writes.ts';
import { type After, type MonitorEvent, persistentMonitor, type TakeLine } from './persistent-monitor.ts';

export type { After, MonitorEvent } from './persistent-monitor.ts';

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

/**
 * How long a suspicion may wait to be cleared: the kernel takes some 20 ms from taking a veth off its bridge to deleting it, and several
 * times that where other programs keep it busy. What is not cleared is repaired within a second all the same (ENG-2).
 */
const suspicionMs = 300;

/**
 * News from the kernel, as `ip monitor` and `nft monitor` (where it is installed) tell it. The first event is a `look`
 * once they listen: what changed before that has been missed by them, not by who looks then. Never errors or completes.
 */
export function monitorNetwork(options: MonitorOptions): Observable<MonitorEvent> {
  const { commands, after, writes } = options;
  const listening = () => writes.reset();
  const ip = persistentMonitor(ipMonitor, { commands, after, listening, reader: () => readLinks(options) });
  if (commands.find('nft') === null) return ip;
  return merge(ip, monitorRules(options));
}

/** News of one table of nftables, as `nft monitor` tells it. */
export function monitorRules(
  options: Pick<MonitorOptions, 'commands' | 'table' | 'writes' | 'after'> & RuleInterest,
): Observable<MonitorEvent> {
  const { commands, after, writes, table } = options;
  const reader = () => {
    const rules = new NftMonitorReader(table, writes, options);
    return (line: string, look: () => void) => {
      if (rules.take(line)) look();
    };
  };
  return persistentMonitor(nftMonitor, { commands, after, listening: () => writes.reset(), reader });
}

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
