import type { Fact, RevisionFact } from '../../../controller/input.ts';
import type { Kept } from '../../../controller/restore.ts';
import type { RevisionLog, RevisionRecord } from '../../../controller/revision-log.ts';
import { type Key, leaseKey } from '../../../state/resource.ts';
import type { FlatState, HeldLease, Verdict } from '../../../state/revision.ts';

interface Entry {
  readonly record: RevisionRecord;
  readonly state: FlatState;
}

/**
 * What a database keeps, as controller/input.ts says it has to: the model of the disk on which a simulated controller starts
 * again, and against which the real database is tested.
 */
export class InMemoryLog
  implements Pick<RevisionLog, 'load' | 'persist' | 'revisions' | 'stateOf' | 'leases'>
{
  /** Everything that was made durable, in order. */
  readonly facts: Fact[] = [];
  readonly #entries = new Map<number, Entry>();
  /** Of the committed revision; of the desired one where none was ever committed. */
  readonly #leases = new Map<Key, HeldLease>();
  #latest = 0;
  #committed: number | null = null;
  #trying: RevisionFact | null = null;

  /** Number of the committed revision; null: none ever was. */
  get committed(): number | null {
    return this.#committed;
  }

  /** Number of the revision that has no verdict; null: all have. */
  get trying(): number | null {
    return this.#trying?.revision ?? null;
  }

  load(): Kept | null {
    const revision = this.#committed ?? this.#desiredWithoutCommitted();
    if (revision === null) return null;
    return {
      latest: this.#latest,
      revision,
      state: this.#entry(revision).state,
      leases: this.leases(),
      committed: this.#committed !== null,
      interrupted: this.#committed === null ? null : this.trying,
      sequence: 0,
    };
  }

  persist(fact: Fact): void {
    this.facts.push(fact);
    switch (fact.type) {
      case 'revision':
        return this.#accept(fact);
      case 'verdict':
        return this.#end(fact.verdict);
      case 'attempt':
        return this.#attempt(fact.revision);
    }
  }

  revisions(): readonly RevisionRecord[] {
    return [...this.#entries.values()].map(({ record }) => record);
  }

  stateOf(revision: number): FlatState | null {
    return this.#entries.get(revision)?.state ?? null;
  }

  leases(): readonly HeldLease[] {
    return [...this.#leases].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, lease]) => lease);
  }

  /** The last one that was tried. */
  #desiredWithoutCommitted(): number | null {
    const tried = [...this.#entries.values()].filter(({ record }) => record.attempts > 0);
    return tried.at(-1)?.record.revision ?? null;
  }

  #entry(revision: number): Entry {
    const entry = this.#entries.get(revision);
    if (entry === undefined) throw new Error(`found revision ${revision}, expected one that was accepted`);
    return entry;
  }

  #accept(fact: RevisionFact): void {
    const { revision, digest, source, message, at, standing, failure } = fact;
    if (revision <= this.#latest) throw new Error(`found revision ${revision} after ${this.#latest}`);
    if (fact.ends !== null) this.#end(fact.ends);
    this.#latest = revision;
    const phase = { trying: 'INPROGRESS', committed: 'DONE', refused: 'ERROR' } as const;
    const attempts = standing === 'refused' ? 0 : 1;
    const ended = standing === 'trying' ? null : at;
    const known = { revision, digest, source, message, at, failure, attempts, endedAt: ended, kept: true };
    this.#entries.set(revision, { record: { ...known, phase: phase[standing] }, state: fact.tree.toFlat() });
    if (standing === 'refused') return;
    this.#trying = standing === 'trying' ? fact : null;
    if (standing === 'committed' || this.#committed === null) this.#take(fact);
    if (standing === 'committed') this.#committed = revision;
  }

  #end({ revision, phase, at, failure }: Verdict): void {
    const { record, state } = this.#entry(revision);
    this.#entries.set(revision, { record: { ...record, phase, endedAt: at, failure }, state });
    const trial = this.#trying?.revision === revision ? this.#trying : null;
    if (phase === 'DONE') {
      if (trial !== null && this.#committed !== null) this.#take(trial);
      this.#committed = revision;
    }
    if (trial !== null) this.#trying = null;
  }

  #attempt(revision: number): void {
    const { record, state } = this.#entry(revision);
    this.#entries.set(revision, { record: { ...record, attempts: record.attempts + 1 }, state });
  }

  #take({ leases }: RevisionFact): void {
    for (const lease of leases.released) this.#leases.delete(keyOf(lease));
    for (const lease of leases.held) this.#leases.set(keyOf(lease), lease);
  }
}

function keyOf({ pool, container, interface: name }: HeldLease): Key {
  return leaseKey(pool, container, name);
}
