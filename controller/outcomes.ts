import { distinctUntilChanged, map, type Observable, startWith } from 'rxjs';
import type { Key } from '../state/resource.ts';
import type { Verdict } from '../state/revision.ts';
import type { Phase } from '../state/status.ts';
import type { RevisionOutcome } from './api/contract.ts';
import type { Engine } from './engine.ts';
import { GIVE_UP_ATTEMPTS } from './give-up.ts';
import { endedRecord, unknownRevision } from './revision-history.ts';
import type { RevisionLog } from './revision-log.ts';
import type { Runner } from './runner.ts';
import { why } from './why.ts';

/** What outcomes are told from. */
export interface OutcomeParts {
  readonly engine: Pick<Engine, 'revision' | 'rollout' | 'board' | 'atRest'>;
  readonly runner: Pick<Runner, 'bursts'>;
  readonly store: { readonly digest: string };
  readonly log: Pick<RevisionLog, 'revisions'>;
}

/** What an outcome says of its own revision; the rest of it is about the desired one. */
type Standing = Pick<RevisionOutcome, 'digest' | 'phase' | 'failure' | 'commitAt'>;

/** As many problems as a person reads; `get` lists the others. */
const PROBLEMS_SHOWN = 20;

/** Worst first. */
const severityOrder: readonly Phase[] = [
  'Failed',
  'Blocked',
  'Removing',
  'Waiting',
  'Progressing',
  'Pending',
];

/** How each revision goes, or went (ROLL-1): one that is on trial from the engine, one that has ended from the log. */
export class Outcomes {
  readonly #parts: OutcomeParts;
  /** An end never changes, and the log has thousands: each is looked up once, or not at all where its trial was seen. */
  readonly #ended = new Map<number, Standing>();
  readonly #digests = new Map<number, string>();
  #newestKept: number | null = null;

  constructor(parts: OutcomeParts) {
    this.#parts = parts;
  }

  /** The present outcome of `revision`, without one of the newest that was accepted. Throws a Problem (404) for an unknown one. */
  of(revision: number = this.#newest()): RevisionOutcome {
    const { engine } = this.#parts;
    const settled = engine.atRest(GIVE_UP_ATTEMPTS);
    return {
      revision,
      ...this.#standing(revision),
      desired: engine.revision,
      settled,
      unchanged: false,
      resources: engine.board.counts(),
      findings: [],
      problems: settled ? this.#problems() : [],
    };
  }

  /** The present outcome at once, then every change of it, for ever. Throws as `of`. */
  follow(revision: number = this.#newest()): Observable<RevisionOutcome> {
    const first = this.of(revision);
    return this.#parts.runner.bursts.pipe(
      map(() => this.of(revision)),
      startWith(first),
      distinctUntilChanged((before, after) => JSON.stringify(before) === JSON.stringify(after)),
    );
  }

  #standing(revision: number): Standing {
    const { engine, store } = this.#parts;
    const { trial, ended } = engine.rollout;
    if (trial?.revision === revision) {
      const { phase, failure, commitAt } = trial;
      this.#digests.set(revision, store.digest);
      return { digest: store.digest, phase, failure, commitAt };
    }
    if (revision === 0) return { digest: store.digest, phase: 'DONE', failure: null, commitAt: null };
    const known = this.#ended.get(revision);
    if (known !== undefined && ended?.revision !== revision) return known;
    const standing = this.#end(revision, ended);
    if (standing.phase !== 'INPROGRESS') this.#ended.set(revision, standing);
    return standing;
  }

  #end(revision: number, ended: Verdict | null): Standing {
    const digest = this.#digests.get(revision) ?? this.#ended.get(revision)?.digest;
    if (ended?.revision === revision && digest !== undefined) {
      return { digest, phase: ended.phase, failure: ended.failure, commitAt: null };
    }
    const records = this.#parts.log.revisions();
    const record = records.find((one) => one.revision === revision);
    if (record === undefined) throw unknownRevision(revision, records);
    const { phase, failure } = endedRecord(record, ended);
    return { digest: record.digest, phase, failure, commitAt: null };
  }

  /** Numbers only grow, and each new one is at first on trial, committed, or ended. */
  #newest(): number {
    const { engine, log } = this.#parts;
    const { trial, ended, committed } = engine.rollout;
    this.#newestKept ??= log.revisions().at(-1)?.revision ?? 0;
    return Math.max(this.#newestKept, trial?.revision ?? 0, ended?.revision ?? 0, committed ?? 0);
  }

  #problems(): RevisionOutcome['problems'] {
    const { board } = this.#parts.engine;
    const statusOf = (key: Key) => board.get(key);
    return [...board.troubled()]
      .map((key) => ({ key, phase: statusOf(key)?.phase ?? 'Pending' }))
      .sort((one, other) => severityOrder.indexOf(one.phase) - severityOrder.indexOf(other.phase))
      .slice(0, PROBLEMS_SHOWN)
      .map((problem) => ({
        ...problem,
        why: why(problem.key, statusOf),
        ...(statusOf(problem.key)?.tolerated === true ? { tolerated: true as const } : {}),
      }));
  }
}
