import type { FlatState, HeldLease } from '../state/revision.ts';
import type { EventRecord } from '../state/status.ts';
import type { RevisionEntry } from './api/contract.ts';
import type { Fact } from './input.ts';
import type { Kept } from './restore.ts';

/** One line of the log; what is desired now is the engine's to say. */
export type RevisionRecord = Omit<RevisionEntry, 'desired' | 'phase'> & {
  /** INPROGRESS: it has not ended. */
  readonly phase: 'INPROGRESS' | 'DONE' | 'ERROR';
};

/**
 * What outlives the controller: every revision with how it ended, which one is committed and which on trial, leases, and the last
 * events. Implemented by the database.
 */
export interface RevisionLog {
  /** What a controller begins with; null: nothing is kept. Revision 0 where nothing was ever accepted, and events are kept. */
  load(): Kept | null;
  /**
   * Makes a fact durable, with the events that were noted since the last one. When it returns, it is on disk. When it throws, the
   * log is as before, as far as can be told.
   */
  persist(fact: Fact): void;
  /** Every revision that is remembered, oldest first. */
  revisions(): readonly RevisionRecord[];
  /** Content of a revision; null: not known, or not kept any more. */
  stateOf(revision: number): FlatState | null;
  /** Leases that the committed revision holds (or, where there is none, the desired one), sorted by pool, container, interface. */
  leases(): readonly HeldLease[];
  /** sha256 of every object that the content of a kept revision names. */
  keptObjects(): ReadonlySet<string>;
  /** Keeps `events` with the next fact or `flush`; the oldest are forgotten first. */
  note(events: readonly EventRecord[]): void;
  /**
   * Writes what was noted, without waiting for the disk. Losing it in a power cut loses nothing that matters. When it throws, that is
   * kept for the next time.
   */
  flush(): void;
  /** The last events, oldest first. */
  events(): readonly EventRecord[];
  close(): void;
}
