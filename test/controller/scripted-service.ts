import { createHash } from 'node:crypto';
import { BehaviorSubject, type Observable, Subject } from 'rxjs';
import type { RuleTraffic, Traffic } from '../../adapters/adapter.ts';
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
} from '../../controller/api/contract.ts';
import { Problem } from '../../controller/api/problem.ts';
import { ObjectError } from '../../controller/objects.ts';
import type { Key } from '../../state/resource.ts';
import type { FlatState, StateChange } from '../../state/revision.ts';
import type { EventRecord } from '../../state/status.ts';

/** An outcome to begin from. */
export const emptyOutcome: RevisionOutcome = {
  revision: 0,
  digest: 'd0',
  phase: 'DONE',
  failure: null,
  desired: 0,
  settled: true,
  commitAt: null,
  unchanged: false,
  resources: { ready: 0, waiting: 0, blocked: 0, failed: 0 },
  findings: [],
  problems: [],
};

/** Outcome of a revision that is desired. */
export function outcomeOf(revision: number, fields: Partial<RevisionOutcome> = {}): RevisionOutcome {
  return { ...emptyOutcome, revision, desired: revision, ...fields };
}

/** A controller that says what the test tells it to, and remembers what it was asked: the border of api and cli. */
export class ScriptedService implements ControllerService {
  readonly adapter = 'scripted';
  readonly objects = new Map<string, Buffer>();
  readonly applied: { readonly change: StateChange; readonly options: ApplyOptions }[] = [];
  readonly rolledBack: {
    readonly revision: number | null;
    readonly options: Omit<ApplyOptions, 'source'>;
  }[] = [];
  /** What `outcome` and `outcomes` were asked for. */
  readonly outcomesAsked: (number | undefined)[] = [];
  readonly planned: StateChange[] = [];
  readonly outcomeSubject = new BehaviorSubject<RevisionOutcome>(emptyOutcome);
  readonly changeSubject = new Subject<ResourceChange>();
  readonly eventSubject = new Subject<EventRecord>();
  readonly routeSubject = new Subject<RouteChange>();
  items: readonly ResourceItem[] = [];
  routeItems: readonly RouteItem[] = [];
  links: readonly GraphLink[] = [];
  /** The rules of what `traffic` answers. */
  onTraffic: () => readonly RuleTraffic[] = () => [];
  proxy: Traffic['proxy'] = null;
  linkTraffic: Traffic['links'] = [];
  kept: readonly EventRecord[] = [];
  descriptions: ReadonlyMap<Key, ResourceDescription> = new Map();
  planOutcome: PlanOutcome = { steps: [], findings: [], problems: [] };
  state: FlatState = {};
  entries: readonly RevisionEntry[] = [];
  states: ReadonlyMap<number, FlatState> = new Map();
  /** What `apply`, `rollback` and `down` answer. */
  onApply: (change: StateChange) => RevisionOutcome = () => this.outcomeSubject.value;

  async missingObjects(sha256: readonly string[]): Promise<readonly string[]> {
    return sha256.filter((name) => !this.objects.has(name));
  }

  async putObject(sha256: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const found = createHash('sha256').update(bytes).digest('hex');
    if (found !== sha256) {
      throw new ObjectError('ObjectMismatch', `content with sha256 ${found}`, `sha256 ${sha256}`);
    }
    this.objects.set(sha256, bytes);
  }

  async apply(change: StateChange, options: ApplyOptions): Promise<RevisionOutcome> {
    this.applied.push({ change, options });
    return this.onApply(change);
  }

  async rollback(revision: number | null, options: Omit<ApplyOptions, 'source'>): Promise<RevisionOutcome> {
    this.rolledBack.push({ revision, options });
    return this.onApply({ type: 'replace', state: {} });
  }

  history(): readonly RevisionEntry[] {
    return this.entries;
  }

  content(revision: number): RevisionContent {
    const entry = this.entries.find((one) => one.revision === revision);
    const state = this.states.get(revision);
    if (entry === undefined) throw new Problem(404, 'UnknownRevision', `there is no revision ${revision}`);
    if (state === undefined) throw new Problem(410, 'RevisionNotKept', `revision ${revision} is not kept`);
    return { ...entry, state };
  }

  async plan(change: StateChange): Promise<PlanOutcome> {
    this.planned.push(change);
    return this.planOutcome;
  }

  current() {
    const { revision, digest } = this.outcomeSubject.value;
    return { revision, digest, state: this.state };
  }

  outcome(revision?: number): RevisionOutcome {
    this.outcomesAsked.push(revision);
    return this.outcomeSubject.value;
  }

  outcomes(revision?: number): Observable<RevisionOutcome> {
    this.outcomesAsked.push(revision);
    return this.outcomeSubject.asObservable();
  }

  resources(): readonly ResourceItem[] {
    return this.items;
  }

  changes() {
    return this.changeSubject.asObservable();
  }

  describe(key: Key): ResourceDescription | null {
    return this.descriptions.get(key) ?? null;
  }

  routes(): readonly RouteItem[] {
    return this.routeItems;
  }

  routeChanges() {
    return this.routeSubject.asObservable();
  }

  async traffic(): Promise<Traffic> {
    return { rules: this.onTraffic(), links: this.linkTraffic, proxy: this.proxy };
  }

  graph(): readonly GraphLink[] {
    return this.links;
  }

  events(): readonly EventRecord[] {
    return this.kept;
  }

  eventStream() {
    return this.eventSubject.asObservable();
  }

  async down(): Promise<RevisionOutcome> {
    return this.onApply({ type: 'replace', state: {} });
  }
}
