import { distinctUntilChanged, filter, firstValueFrom, map, type Observable, startWith } from 'rxjs';
import type { Finding } from '../state/finding.ts';
import type { Json } from '../state/json.ts';
import { type Key, kindOf, nameOf } from '../state/resource.ts';
import type { FlatState, ObjectFacts, StateChange } from '../state/revision.ts';
import type { EventRecord, Phase, Status } from '../state/status.ts';
import type { DesiredStore } from '../state/store.ts';
import type {
  ControllerService,
  PlanOutcome,
  ResourceChange,
  ResourceDescription,
  ResourceItem,
  RevisionOutcome,
} from './api/contract.ts';
import { planOf } from './dry-run.ts';
import type { Engine } from './engine.ts';
import type { EventLog } from './event-log.ts';
import { gatherFacts } from './facts.ts';
import type { ObjectStore } from './objects.ts';
import { phaseOf } from './revision-phase.ts';
import type { Runner } from './runner.ts';
import { why } from './why.ts';

/** What the service speaks for. */
export interface ServiceParts {
  readonly adapter: string;
  readonly engine: Engine;
  readonly runner: Runner;
  readonly store: DesiredStore;
  readonly objects: ObjectStore;
  readonly events: EventLog;
}

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

/** The controller as the api sees it. */
export class Service implements ControllerService {
  readonly adapter: string;
  readonly #parts: ServiceParts;
  /** Revisions are taken one after the other: what one needs of the object store depends on the one before. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: ServiceParts) {
    this.adapter = parts.adapter;
    this.#parts = parts;
  }

  missingObjects(sha256: readonly string[]): Promise<readonly string[]> {
    return this.#parts.objects.missing(sha256);
  }

  putObject(sha256: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#parts.objects.put(sha256, content);
  }

  apply(change: StateChange, source: string): Promise<RevisionOutcome> {
    const answer = this.#turn.then(() => this.#submit(change, source));
    // The next one waits for this one to end, however it ends; who asked gets the error.
    this.#turn = answer.then(
      () => undefined,
      () => undefined,
    );
    return answer;
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
    return planOf({ store, world, troubled: board.troubled(), refusalOf }, change, facts);
  }

  current(): { readonly revision: number; readonly digest: string; readonly state: FlatState } {
    const { store, engine } = this.#parts;
    return { revision: engine.revision, digest: store.digest, state: store.flat() };
  }

  outcome(): RevisionOutcome {
    return this.#outcome([], false);
  }

  outcomes(): Observable<RevisionOutcome> {
    return this.#parts.runner.bursts.pipe(
      startWith(undefined),
      map(() => this.outcome()),
      distinctUntilChanged((before, after) => JSON.stringify(before) === JSON.stringify(after)),
    );
  }

  resources(): readonly ResourceItem[] {
    return [...this.#parts.engine.board.keys()].map((key) => this.#item(key)).filter((item) => item !== null);
  }

  changes(): Observable<ResourceChange> {
    return this.#parts.runner.statuses.pipe(map(({ key }) => ({ key, item: this.#item(key) })));
  }

  describe(key: Key): ResourceDescription | null {
    const item = this.#item(key);
    const status = this.#status(key);
    if (item === null || status === undefined) return null;
    const { store, engine, events } = this.#parts;
    const desired = store.desired(key);
    return {
      ...item,
      why: why(key, (other) => this.#status(other)),
      status,
      pointers: desired?.pointers ?? [],
      dependsOn: this.#withPhases(desired?.dependsOn ?? []),
      dependents: this.#withPhases([...engine.world.dependents(key)]),
      events: events.of(key),
    };
  }

  events(): readonly EventRecord[] {
    return this.#parts.events.all();
  }

  eventStream(): Observable<EventRecord> {
    return this.#parts.runner.events;
  }

  /** Taking everything down is the revision that wants nothing: the same reconcilers do the rest, in order. */
  down(): Promise<RevisionOutcome> {
    return this.apply({ type: 'replace', state: {} }, 'down');
  }

  async #submit(change: StateChange, source: string): Promise<RevisionOutcome> {
    const facts = await this.#facts(change);
    const answer = await this.#parts.runner.submit(change, facts, source);
    if (answer.accepted) return this.#outcome(answer.findings, answer.unchanged);
    return { ...this.#outcome(answer.findings, false), phase: 'WONTGO' };
  }

  #facts(change: StateChange): Promise<ObjectFacts> {
    return gatherFacts(this.#parts.store.draft(change).objects, this.#parts.objects);
  }

  #status(key: Key): Status | undefined {
    return this.#parts.engine.board.get(key);
  }

  #outcome(findings: readonly Finding[], unchanged: boolean): RevisionOutcome {
    const { engine, store } = this.#parts;
    const phase = phaseOf(engine);
    return {
      revision: engine.revision,
      digest: store.digest,
      phase,
      unchanged,
      resources: engine.board.counts(),
      findings,
      problems: phase === 'ERROR' ? this.#problems() : [],
    };
  }

  #problems(): RevisionOutcome['problems'] {
    const lookup = (key: Key) => this.#status(key);
    const troubled = [...this.#parts.engine.board.troubled()].map((key) => ({
      key,
      phase: lookup(key)?.phase ?? 'Pending',
    }));
    troubled.sort((a, b) => severityOrder.indexOf(a.phase) - severityOrder.indexOf(b.phase));
    return troubled
      .slice(0, PROBLEMS_SHOWN)
      .map((problem) => ({ ...problem, why: why(problem.key, lookup) }));
  }

  #item(key: Key): ResourceItem | null {
    const status = this.#status(key);
    if (status === undefined) return null;
    const { store, engine } = this.#parts;
    const { phase, reason, message, revision } = status;
    const spec = (store.desired(key)?.spec ?? null) as unknown as Json;
    const observed = (engine.world.observed(key) ?? null) as unknown as Json;
    return { key, kind: kindOf(key), name: nameOf(key), phase, reason, message, revision, spec, observed };
  }

  #withPhases(keys: readonly Key[]): readonly { readonly key: Key; readonly phase: Phase }[] {
    return keys.map((key) => ({ key, phase: this.#status(key)?.phase ?? 'Pending' }));
  }
}
