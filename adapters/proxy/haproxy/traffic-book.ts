import { readIfThere } from '../../linux/read-if-there.ts';
import { writeAtomically } from '../../linux/write-atomically.ts';
import type { ProxyTraffic } from '../proxy.ts';
import type { Count, Counts } from './process-reports.ts';
import type { CountedRule } from './proxy-names.ts';

/** What one process has carried for one section. */
interface Row extends ProxyTraffic {
  readonly section: string;
}

interface Book {
  /** Sums of processes that are gone, one row a rule. */
  readonly past: readonly ProxyTraffic[];
  /** What is known of each that drains, by its process id. */
  readonly draining: Readonly<Record<string, readonly Row[]>>;
}

/** A process that drains from now on. */
export interface Replaced {
  readonly pid: number;
  /** What it served. */
  readonly rules: readonly CountedRule[];
  readonly counts: ReadonlyMap<string, Count>;
  /** All that drain. */
  readonly draining: readonly number[];
}

const empty: Book = { past: [], draining: {} };

/**
 * What processes have carried that were replaced by others: each starts counting at nought. It is kept on disk, so that the next controller
 * goes on with it. What a process carries after it was last looked at, and before it ends, is not counted.
 */
export class TrafficBook {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** What a process that has been replaced has carried. Of processes that are gone one row a rule is kept, however many they were. */
  drains({ pid, rules, counts, draining }: Replaced): void {
    const rows = rowsOf(rules, counts);
    const book = this.#read();
    // One of an earlier process with the same id is past, too.
    const isHere = (id: string): boolean => id !== String(pid) && draining.includes(Number(id));
    const known = Object.entries(book.draining);
    const gone = known.filter(([id]) => !isHere(id)).flatMap(([, former]) => former);
    const here = Object.fromEntries(known.filter(([id]) => isHere(id)));
    const past = summed(rules, [...book.past, ...gone]).filter(hasCarried);
    this.#write({ past, draining: { ...here, [pid]: rows } });
  }

  /**
   * Everything that these rules have carried: what is past, what processes that drain have (`latest` where they could be asked), and what the one
   * that serves has. Rules that are no more are forgotten, and so are processes that have ended, but for their counts.
   */
  total(
    rules: readonly CountedRule[],
    serving: Counts,
    latest: ReadonlyMap<number, Counts>,
  ): readonly ProxyTraffic[] {
    const book = this.#read();
    const draining = Object.entries(book.draining).map(
      ([pid, rows]) => [pid, updated(rows, latest.get(Number(pid))?.carried)] as const,
    );
    const here = draining.filter(([pid]) => latest.has(Number(pid)));
    const gone = draining.filter(([pid]) => !latest.has(Number(pid))).flatMap(([, rows]) => rows);
    const past = summed(rules, [...book.past, ...gone]);
    const next = { past: past.filter(hasCarried), draining: Object.fromEntries(here) };
    if (draining.length > 0) this.#write(next);
    const present = [...here.flatMap(([, rows]) => rows), ...rowsOf(rules, serving.carried)];
    return withSessions(summed(rules, [...past, ...present]), rules, [serving, ...latest.values()]);
  }

  #read(): Book {
    const text = readIfThere(this.#path);
    return text === null ? empty : (JSON.parse(text) as Book);
  }

  #write(book: Book): void {
    writeAtomically(this.#path, JSON.stringify(book), 0o600);
  }
}

function hasCarried({ connections, bytesIn, bytesOut }: Count): boolean {
  return connections + bytesIn + bytesOut > 0;
}

function rowsOf(rules: readonly CountedRule[], counts: ReadonlyMap<string, Count>): readonly Row[] {
  const rows = rules.flatMap(({ section, listener, rule }): readonly Row[] => {
    const count = counts.get(section);
    return count === undefined || !hasCarried(count) ? [] : [{ section, listener, rule, ...count }];
  });
  // Routes of one rule may share a section.
  return [...new Map(rows.map((row) => [row.section, row])).values()];
}

function updated(rows: readonly Row[], counts: ReadonlyMap<string, Count> | undefined): readonly Row[] {
  return rows.map((row) => ({ ...row, ...counts?.get(row.section) }));
}

/** One for each of these, in their order. */
function summed(rules: readonly CountedRule[], traffic: readonly ProxyTraffic[]): readonly ProxyTraffic[] {
  const sums = new Map<string, Count>();
  for (const one of traffic) {
    const key = JSON.stringify([one.listener, one.rule]);
    const before = sums.get(key) ?? { connections: 0, bytesIn: 0, bytesOut: 0 };
    sums.set(key, {
      connections: before.connections + one.connections,
      bytesIn: before.bytesIn + one.bytesIn,
      bytesOut: before.bytesOut + one.bytesOut,
    });
  }
  const none: Count = { connections: 0, bytesIn: 0, bytesOut: 0 };
  return rules.map(({ listener, rule }) => ({
    listener,
    rule,
    ...(sums.get(JSON.stringify([listener, rule])) ?? none),
  }));
}

/** Of those that have a socket of their own: `rules` and `traffic` are in the same order. */
function withSessions(
  traffic: readonly ProxyTraffic[],
  rules: readonly CountedRule[],
  processes: readonly Counts[],
): readonly ProxyTraffic[] {
  return traffic.map((one, index) => {
    const { section, isLink } = rules[index] ?? { section: '', isLink: false };
    if (!isLink) return one;
    return { ...one, sessions: processes.reduce((sum, { open }) => sum + (open.get(section) ?? 0), 0) };
  });
}
