/**
 * The control socket's contract: what travels between the controller and whoever talks to it. All bodies are JSON, all
 * paths start with /v1. Others script against these shapes: fields are added, never renamed.
 */
import type { Observable } from 'rxjs';
import type { Finding } from '../../state/finding.ts';
import type { Json } from '../../state/json.ts';
import type { Key, Kind } from '../../state/resource.ts';
import type { FlatState, StateChange } from '../../state/revision.ts';
import type { EventRecord, Phase, Status } from '../../state/status.ts';

/** Where a revision stands. WONTGO: refused, nothing was touched. ERROR: it came to rest and not all of it is ready. */
export type RevisionPhase = 'INPROGRESS' | 'DONE' | 'ERROR' | 'WONTGO';

/** How many resources are where; `waiting` counts Pending, Waiting, Progressing and Removing. */
export interface ResourceCounts {
  readonly ready: number;
  readonly waiting: number;
  readonly blocked: number;
  readonly failed: number;
}

/** Answer to a new revision, and to asking how it goes. */
export interface RevisionOutcome {
  /** Number of the revision that this speaks of; 0 when there is none. A refused one has no number: the current one's. */
  readonly revision: number;
  readonly digest: string;
  readonly phase: RevisionPhase;
  /** The content was current already (REV-7). */
  readonly unchanged: boolean;
  readonly resources: ResourceCounts;
  readonly findings: readonly Finding[];
  /** Not ready ones, worst first: why, down to the root cause. */
  readonly problems: readonly { readonly key: Key; readonly phase: Phase; readonly why: string }[];
}

/** One resource as it is listed. */
export interface ResourceItem {
  readonly key: Key;
  readonly kind: Kind;
  readonly name: string;
  readonly phase: Phase;
  readonly reason: string;
  readonly message: string;
  readonly revision: number;
  /** Desired spec; null for what is being removed. */
  readonly spec: Json;
  /** `{spec, digest, drift, facts}`; null while there is nothing. */
  readonly observed: Json;
}

/** Everything about one resource. */
export interface ResourceDescription extends ResourceItem {
  /** One sentence: why it is in this phase, root cause first. */
  readonly why: string;
  readonly status: Status;
  /** JSON pointers into the state where it is declared. */
  readonly pointers: readonly string[];
  readonly dependsOn: readonly { readonly key: Key; readonly phase: Phase }[];
  readonly dependents: readonly { readonly key: Key; readonly phase: Phase }[];
  /** Newest last. */
  readonly events: readonly EventRecord[];
}

/** A step as `plan` shows it: the step itself, with its resource's name spelled out. */
export type PlannedStep = { readonly action: string; readonly key: Key } & Readonly<Record<string, unknown>>;

export interface PlanOutcome {
  readonly steps: readonly PlannedStep[];
  readonly findings: readonly Finding[];
  /** Resources that would not become ready, and why. */
  readonly problems: readonly { readonly key: Key; readonly why: string }[];
}

/** A change of one listed resource; null: it is gone. */
export interface ResourceChange {
  readonly key: Key;
  readonly item: ResourceItem | null;
}

/** What the api needs of the controller; made by the composition root. */
export interface ControllerService {
  /** `memory`, `lxc`, … */
  readonly adapter: string;
  /** Those of `sha256` that the object store lacks. */
  missingObjects(sha256: readonly string[]): Promise<readonly string[]>;
  /** Take an object in; rejects with a Finding-like error when the content does not have that sha256. */
  putObject(sha256: string, content: AsyncIterable<Uint8Array>): Promise<void>;
  /** Returns as soon as the revision is accepted or refused; phase is then INPROGRESS, or already DONE/ERROR, or WONTGO. */
  apply(change: StateChange, source: string): Promise<RevisionOutcome>;
  /** The steps that `apply` would take (ENG-5). Touches nothing. */
  plan(change: StateChange): Promise<PlanOutcome>;
  /** Current revision. */
  current(): { readonly revision: number; readonly digest: string; readonly state: FlatState };
  outcome(): RevisionOutcome;
  /** Present outcome at once, then every change of it. Never completes by itself. */
  outcomes(): Observable<RevisionOutcome>;
  resources(): readonly ResourceItem[];
  changes(): Observable<ResourceChange>;
  describe(key: Key): ResourceDescription | null;
  /** Kept events, oldest first. */
  events(): readonly EventRecord[];
  eventStream(): Observable<EventRecord>;
  /** Everything of ours away, in order. Same outcome record; done when no resource is left. */
  down(): Promise<RevisionOutcome>;
}
