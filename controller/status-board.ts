import type { Key } from '../state/resource.ts';
import type { Phase, Status } from '../state/status.ts';
import type { ResourceCounts } from './api/contract.ts';

/** Which count of an outcome a phase belongs to. */
const countOf: { readonly [P in Phase]: keyof ResourceCounts } = Object.freeze({
  Pending: 'waiting',
  Waiting: 'waiting',
  Progressing: 'waiting',
  Removing: 'waiting',
  Ready: 'ready',
  Blocked: 'blocked',
  Failed: 'failed',
});

/** It does not go on by itself, or not soon. */
export function isRed(phase: Phase | undefined): boolean {
  return phase === 'Failed' || phase === 'Blocked';
}

/** The status of every resource (ENG-9), with the counts kept as it changes, so that asking costs nothing. */
export class StatusBoard {
  readonly #statuses = new Map<Key, Status>();
  readonly #troubled = new Set<Key>();
  readonly #awaited = new Set<Key>();
  readonly #failed = new Set<Key>();
  readonly #blocked = new Set<Key>();
  readonly #counts: { -readonly [C in keyof ResourceCounts]: number } = {
    ready: 0,
    waiting: 0,
    blocked: 0,
    failed: 0,
  };

  get(key: Key): Status | undefined {
    return this.#statuses.get(key);
  }

  keys(): IterableIterator<Key> {
    return this.#statuses.keys();
  }

  /** Keys that are not Ready. */
  troubled(): ReadonlySet<Key> {
    return this.#troubled;
  }

  /** Keys that a trial waits for: not Ready, and not tolerated. */
  awaited(): ReadonlySet<Key> {
    return this.#awaited;
  }

  /** But for those that are tolerated. */
  failed(): ReadonlySet<Key> {
    return this.#failed;
  }

  /** But for those that are tolerated. */
  blocked(): ReadonlySet<Key> {
    return this.#blocked;
  }

  counts(): ResourceCounts {
    return { ...this.#counts };
  }

  set(key: Key, status: Status): void {
    this.#discount(key);
    this.#statuses.set(key, status);
    this.#counts[countOf[status.phase]] += 1;
    if (status.phase === 'Ready') return;
    this.#troubled.add(key);
    if (status.tolerated === true) return;
    this.#awaited.add(key);
    if (status.phase === 'Failed') this.#failed.add(key);
    if (status.phase === 'Blocked') this.#blocked.add(key);
  }

  delete(key: Key): void {
    this.#discount(key);
    this.#statuses.delete(key);
  }

  #discount(key: Key): void {
    const before = this.#statuses.get(key);
    if (before === undefined) return;
    this.#counts[countOf[before.phase]] -= 1;
    this.#troubled.delete(key);
    this.#awaited.delete(key);
    this.#failed.delete(key);
    this.#blocked.delete(key);
  }
}
