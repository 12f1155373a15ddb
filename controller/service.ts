import { filter, firstValueFrom, type Observable, startWith } from 'rxjs';
import type { Traffic } from '../adapters/adapter.ts';
import type { Key } from '../state/resource.ts';
import type { FlatState, ObjectFacts, StateChange } from '../state/revision.ts';
import type { EventRecord } from '../state/status.ts';
import type { DesiredStore } from '../state/store.ts';
import type {
  ApplyOptions,
  ControllerService,
  GraphLink,
  PlanOutcome,
  ResourceChange,
  ResourceDescription,
  ResourceItem,
  RevisionContent,
  RevisionEntry,
  RevisionOutcome,
  RouteChange,
  RouteItem,
} from './api/contract.ts';
import { planOf, type Standing } from './dry-run.ts';
import type { Engine } from './engine.ts';
import type { EventLog } from './event-log.ts';
import { gatherFacts } from './facts.ts';
import { graphOf } from './graph.ts';
import type { ObjectStore } from './objects.ts';
import { Outcomes } from './outcomes.ts';
import { ResourceViews } from './resource-views.ts';
import { RevisionHistory } from './revision-history.ts';
import type { RevisionLog } from './revision-log.ts';
import type { Runner } from './runner.ts';

/** What the service speaks for. */
export interface ServiceParts {
  readonly adapter: string;
  readonly engine: Engine;
  readonly runner: Runner;
  readonly store: DesiredStore;
  readonly objects: ObjectStore;
  readonly events: EventLog;
  readonly log: RevisionLog;
  /** Looks up what each rule of ingress has carried and what goes over links; rejects when that cannot be told. */
  readonly traffic: () => Promise<Traffic>;
}

/** A revision to be proposed. */
interface Submission extends ApplyOptions {
  readonly change: StateChange;
  /** Committed with being accepted, and never rolled back. */
  readonly unconditional: boolean;
}

/** The controller as the api sees it. */
export class Service implements ControllerService {
  readonly adapter: string;
  readonly #parts: ServiceParts;
  readonly #outcomes: Outcomes;
  readonly #history: RevisionHistory;
  readonly #resources: ResourceViews;
  /** Revisions are taken one after the other: what one needs of the object store depends on the one before. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: ServiceParts) {
    this.adapter = parts.adapter;
    this.#parts = parts;
    this.#outcomes = new Outcomes(parts);
    this.#history = new RevisionHistory(parts);
    this.#resources = new ResourceViews(parts);
  }

  missingObjects(sha256: readonly string[]): Promise<readonly string[]> {
    return this.#parts.objects.missing(sha256);
  }

  putObject(sha256: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#parts.objects.put(sha256, content);
  }

  apply(change: StateChange, options: ApplyOptions): Promise<RevisionOutcome> {
    return this.#inTurn(() => this.#submit({ ...options, change, unconditional: false }));
  }

  rollback(revision: number | null, options: Omit<ApplyOptions, 'source'>): Promise<RevisionOutcome> {
    // What there is to go back to depends on the revisions that were proposed before.
    return this.#inTurn(() => {
      const target = revision === null ? this.#history.before() : this.#history.content(revision);
      return this.#submit({
        message: `back to revision ${target.revision}`,
        ...options,
        source: 'rollback',
        change: { type: 'replace', state: target.state },
        unconditional: false,
      });
    });
  }

  /**
   * Taking everything down is the revision that wants nothing: the same reconcilers do the rest, in order. That it wants nothing is no
   * news to whoever asked for it.
   */
  async down(): Promise<RevisionOutcome> {
    const change: StateChange = { type: 'replace', state: {} };
    const outcome = await this.#inTurn(() => this.#submit({ change, source: 'down', unconditional: true }));
    return { ...outcome, findings: outcome.findings.filter(({ severity }) => severity === 'error') };
  }

  async plan(change: StateChange): Promise<PlanOutcome> {
    const { store, engine, runner } = this.#parts;
    // Before that everything seems to be missing.
    await firstValueFrom(
      runner.bursts.pipe(
        startWith(undefined),
        filter(() => engine.listed),
      ),
    );
    const facts = await this.#facts(change);
    const { world, board } = engine;
    const refusalOf = (key: Key) => engine.refusalOf(key);
    const foreseen: Standing['foreseen'] = (changes) => engine.foreseenFailures(changes);
    return planOf({ store, world, troubled: board.troubled(), refusalOf, foreseen }, change, facts);
  }

  current(): { readonly revision: number; readonly digest: string; readonly state: FlatState } {
    const { store, engine } = this.#parts;
    return { revision: engine.revision, digest: store.digest, state: store.flat() };
  }

  history(): readonly RevisionEntry[] {
    return this.#history.entries();
  }

  content(revision: number): RevisionContent {
    return this.#history.content(revision);
  }

  outcome(revision?: number): RevisionOutcome {
    return this.#outcomes.of(revision);
  }

  outcomes(revision?: number): Observable<RevisionOutcome> {
    return this.#outcomes.follow(revision);
  }

  resources(): readonly ResourceItem[] {
    return this.#resources.all();
  }

  changes(): Observable<ResourceChange> {
    return this.#resources.changes();
  }

  describe(key: Key): ResourceDescription | null {
    return this.#resources.describe(key);
  }

  routes(): readonly RouteItem[] {
    return this.#resources.routes.all();
  }

  routeChanges(): Observable<RouteChange> {
    return this.#resources.routes.changes();
  }

  traffic(): Promise<Traffic> {
    return this.#parts.traffic();
  }

  graph(): readonly GraphLink[] {
    const { store, engine } = this.#parts;
    const desired = store.keys().map((key) => store.desired(key));
    return graphOf(
      desired.filter((resource) => resource !== undefined),
      (key) => engine.world.observed(key),
    );
  }

  events(): readonly EventRecord[] {
    return this.#parts.events.all();
  }

  eventStream(): Observable<EventRecord> {
    return this.#parts.runner.events;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const answer = this.#turn.then(work);
    // The next one waits for this one to end, however it ends; who asked gets the error.
    this.#turn = answer.then(
      () => undefined,
      () => undefined,
    );
    return answer;
  }

  async #submit(submission: Submission): Promise<RevisionOutcome> {
    const { change, source, message = null, commitAfterSeconds, unconditional } = submission;
    const facts = await this.#facts(change);
    const commitAfterMs = commitAfterSeconds === undefined ? null : Math.round(commitAfterSeconds * 1000);
    const { runner } = this.#parts;
    const answer = await runner.submit({ change, facts, source, message, commitAfterMs, unconditional });
    const { accepted, unchanged, findings, revision } = answer;
    const outcome = { ...this.#outcomes.of(revision), findings };
    return accepted
      ? { ...outcome, unchanged }
      : { ...outcome, phase: 'WONTGO', failure: null, commitAt: null };
  }

  #facts(change: StateChange): Promise<ObjectFacts> {
    return gatherFacts(this.#parts.store.draft(change).objects, this.#parts.objects);
  }
}
