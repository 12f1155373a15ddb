import { readIfThere } from '../../linux/read-if-there.ts';
import { writeAtomically } from '../../linux/write-atomically.ts';
import type { ProxyListener, ProxyTraffic } from '../proxy.ts';
import type { Count } from './process-reports.ts';
import { routeSection } from './proxy-names.ts';

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
  readonly listeners: readonly ProxyListener[];
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
  drains({ pid, listeners, counts, draining }: Replaced): void {
    const rows = rowsOf(listeners, counts);
    const book = this.#read();
    // One of an earlier process with the same id is past, too.
    const isHere = (id: string): boolean => id !== String(pid) && draining.includes(Number(id));
    const known = Object.entries(book.draining);
    const gone = known.filter(([id]) => !isHere(id)).flatMap(([, former]) => former);
    const here = Object.fromEntries(known.filter(([id]) => isHere(id)));
    const past = summed(listeners, [...book.past, ...gone]).filter(hasCarried);
    this.#write({ past, draining: { ...here, [pid]: rows } });
  }

  /**
   * Everything that these rules have carried: what is past, what processes that drain have (`latest` where they could be asked), and what the one
   * that serves has. Rules that are no more are forgotten, and so are processes that have ended, but for their counts.
   */
  total(
    listeners: readonly ProxyListener[],
    serving: ReadonlyMap<string, Count>,
    latest: ReadonlyMap<number, ReadonlyMap<string, Count>>,
  ): readonly ProxyTraffic[] {
    const book = this.#read();
    const draining = Object.entries(book.draining).map(
      ([pid, rows]) => [pid, updated(rows, latest.get(Number(pid)))] as const,
    );
    const here = draining.filter(([pid]) => latest.has(Number(pid)));
    const gone = draining.filter(([pid]) => !latest.has(Number(pid))).flatMap(([, rows]) => rows);
    const past = summed(listeners, [...book.past, ...gone]);
    const next = { past: past.filter(hasCarried), draining: Object.fromEntries(here) };
    if (draining.length > 0) this.#write(next);
    return summed(listeners, [...past, ...here.flatMap(([, rows]) => rows), ...rowsOf(listeners, serving)]);
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

function rowsOf(listeners: readonly ProxyListener[], counts: ReadonlyMap<string, Count>): readonly Row[] {
  const rows = listeners.flatMap((listener) =>
    listener.routes.flatMap((route): readonly Row[] => {
      const section = routeSection(listener, route);
      const count = counts.get(section);
      return count === undefined || !hasCarried(count)
        ? []
        : [{ section, listener: listener.name, rule: route.rule, ...count }];
    }),
  );
  // Routes of one rule may share a section.
  return [...new Map(rows.map((row) => [row.section, row])).values()];
}

function updated(rows: readonly Row[], counts: ReadonlyMap<string, Count> | undefined): readonly Row[] {
  return rows.map((row) => ({ ...row, ...counts?.get(row.section) }));
}

/** One for each rule of these, in their order. */
function summed(
  listeners: readonly ProxyListener[],
  traffic: readonly ProxyTraffic[],
): readonly ProxyTraffic[] {
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
  return listeners.flatMap(({ name, routes }) =>
    routes.map(({ rule }) => ({ listener: name, rule, ...(sums.get(JSON.stringify([name, rule])) ?? none) })),
  );
}
