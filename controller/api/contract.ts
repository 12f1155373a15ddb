/**
 * The control socket's contract: what travels between the controller and whoever talks to it. All bodies are JSON, all
 * paths start with /v1. Others script against these shapes: fields are added, never renamed.
 */
import type { Observable } from 'rxjs';
import type { Traffic } from '../../adapters/adapter.ts';
import type { Finding } from '../../state/finding.ts';
import type { Json } from '../../state/json.ts';
import type { ServiceManifest } from '../../state/manifest.ts';
import type { Key, Kind, Lifecycle, LinkEnd, ListenerSpec, RouteSpec } from '../../state/resource.ts';
import type { FlatState, StateChange, TrialFailure } from '../../state/revision.ts';
import type { EventRecord, Phase, Status } from '../../state/status.ts';

/**
 * Where a revision stands (ROLL-1). INPROGRESS: on trial, and not all of it is ready. TESTING: all is, and it has to hold until the commit
 * window has passed. DONE: committed. ERROR: the trial failed; the last DONE one is desired again, where there is one. WONTGO:
 * refused, nothing was touched.
 */
export type RevisionPhase = 'INPROGRESS' | 'TESTING' | 'DONE' | 'ERROR' | 'WONTGO';

/** How many resources are where; `waiting` counts Pending, Waiting, Progressing and Removing. */
export interface ResourceCounts {
  readonly ready: number;
  readonly waiting: number;
  readonly blocked: number;
  readonly failed: number;
}

/** Answer to a new revision, and to asking how it goes. */
export interface RevisionOutcome {
  /** Number of the revision that this speaks of; 0 when there is none. A refused one has no number: that of the desired one. */
  readonly revision: number;
  readonly digest: string;
  readonly phase: RevisionPhase;
  /** Why it ended in ERROR. */
  readonly failure: TrialFailure | null;
  /** Number of the revision that is desired now: another one than `revision` after a rollback. */
  readonly desired: number;
  /**
   * Nothing of the desired revision moves any more by itself: what is to be ready is, or was tried so often that nobody waits for it.
   * After ERROR: the rollback is over.
   */
  readonly settled: boolean;
  /** When the trial will have lasted long enough, milliseconds since the epoch; null: not TESTING. */
  readonly commitAt: number | null;
  /** The content was desired already (REV-7). */
  readonly unchanged: boolean;
  /** Of the desired revision. */
  readonly resources: ResourceCounts;
  readonly findings: readonly Finding[];
  /** Not ready ones, worst first: why, down to the root cause. Empty as long as not settled. */
  readonly problems: readonly Unready[];
}

/** A resource that is not ready. */
export interface Unready {
  readonly key: Key;
  readonly phase: Phase;
  /** Down to the root cause. */
  readonly why: string;
  /** The revision is as it should be all the same: what is about nothing is left out (ING-4). */
  readonly tolerated?: true;
}

/** How a revision is proposed. */
export interface ApplyOptions {
  /** Where it came from, for people. */
  readonly source: string;
  readonly message?: string;
  /** The commit window, seconds (ROLL-2); absent: as the controller was started. */
  readonly commitAfterSeconds?: number;
}

/** One line of the history: a revision that was accepted once, and how it went. */
export interface RevisionEntry {
  readonly revision: number;
  readonly digest: string;
  readonly source: string;
  readonly message: string | null;
  /** When it was accepted, milliseconds since the epoch. */
  readonly at: number;
  readonly phase: Exclude<RevisionPhase, 'WONTGO'>;
  /** When it ended so; null: it has not ended. */
  readonly endedAt: number | null;
  /** Why it ended in ERROR. */
  readonly failure: TrialFailure | null;
  /** How often a controller began to try it. */
  readonly attempts: number;
  /** What the device is to be. */
  readonly desired: boolean;
  /** The content is still kept: one can go back to it (ROLL-6). */
  readonly kept: boolean;
}

/** One revision with its content. */
export interface RevisionContent extends RevisionEntry {
  readonly state: FlatState;
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
  /** Of a link that its consumer can do without (LINK-1); absent for anything else. */
  readonly optional?: true;
}

/** One rule of ingress as it stands now. */
export interface RouteItem extends RouteSpec {
  readonly listener: Key;
  readonly type: ListenerSpec['type'];
  /** JSON pointer to the rule; null: its listener is being removed. */
  readonly pointer: string | null;
  /** Ready only where its listener serves it and its provider is Ready too; else the phase of what keeps it from that. */
  readonly phase: Phase;
  readonly reason: string;
  readonly message: string;
}

/** A change of one route; null: its listener does not have it any more. */
export interface RouteChange {
  readonly listener: Key;
  readonly rule: string;
  readonly item: RouteItem | null;
}

/** One aspect of a listener or a link, as the Gateway API tells of it (gateway.networking.k8s.io/v1, ListenerStatus). */
export interface Condition {
  /**
   * Accepted: this host can have it; a link: its target can be had in the consumer. ResolvedRefs: each rule leads to a service; a link: its
   * provider runs and has what it provides. Programmed: it serves exactly as desired.
   */
  readonly type: 'Accepted' | 'ResolvedRefs' | 'Programmed';
  readonly status: 'True' | 'False' | 'Unknown';
  /** UpperCamelCase, stable: a code of `explain`, or one of the Gateway API. */
  readonly reason: string;
  readonly message: string;
  /** Number of the newest revision that this speaks of. */
  readonly revision: number;
}

/** Who is connected to what (LINK-9), in the words of Pantavisor, whose programs read it. */
export interface GraphLink {
  /** `unix`, `rest`, `dbus`, `drm` or `wayland`; of ingress: `tcp` or `http`. */
  readonly type: string;
  /** The service. */
  readonly name: string;
  /** Name of a container; `EXTERNAL`: whoever comes from outside. */
  readonly consumer: string;
  /** Process id of its init; 0: it does not run, or is none of ours. */
  readonly consumer_pid: number;
  readonly provider: string;
  readonly provider_pid: number;
  /** As whom the consumer calls; `any` where nothing is said. */
  readonly role: string;
  /** What may be called; the type where nothing is said. */
  readonly interface: string;
  /** Where the consumer finds it: a path in its root; of ingress, what `external` says. */
  readonly target: string;
  /** Where the provider serves it: a path in its root, or address and port; empty: nowhere that is known. */
  readonly socket: string;
}

/** One end of a link, as it is and as it was when the link was made. */
export interface LinkParty {
  readonly container: string;
  /** Where it has the service: an absolute path in its own root. */
  readonly path: string;
  /** Process id of its init now; null: it does not run. */
  readonly pid: number | null;
  /** Null: the link was not made yet. */
  readonly made: LinkEnd | null;
}

/** Somebody who uses a service: a container by a link, or whoever comes from outside by a rule of ingress. */
export interface ServiceUse {
  /** The link, or the listener. */
  readonly key: Key;
  readonly service: string;
  readonly type: ServiceManifest['type'];
  /** Name of a container; `EXTERNAL`: whoever comes from outside. */
  readonly consumer: string;
  readonly provider: string;
  /** Where the consumer finds it, as in the graph (LINK-9). */
  readonly target: string;
  readonly role: string;
  /** The consumer can do without it (LINK-1). */
  readonly optional: boolean;
  readonly phase: Phase;
  readonly reason: string;
  readonly message: string;
}

/** A service of a container, and who uses it. */
export interface ProvidedService extends Pick<ServiceManifest, 'name' | 'type' | 'socket' | 'port'> {
  readonly users: readonly ServiceUse[];
}

/** What a container has to do with services. */
export interface ContainerServices {
  /** As its services.json lists them; behind these, any that only links still have which are being removed. */
  readonly provides: readonly ProvidedService[];
  /** Its links, by their targets. */
  readonly uses: readonly ServiceUse[];
  /** What it would use and has no link for: warnings of the desired revision. */
  readonly lacks: readonly Finding[];
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
  /** Group, place and recovery of a container that is desired; null for anything else. */
  readonly lifecycle: Lifecycle | null;
  /** Of a listener; absent for anything else. */
  readonly routes?: readonly RouteItem[];
  /** Of a listener or a link; absent for anything else. */
  readonly conditions?: readonly Condition[];
  /** Of a link; absent for anything else. */
  readonly ends?: { readonly consumer: LinkParty; readonly provider: LinkParty };
  /** Of a container; absent for anything else. */
  readonly services?: ContainerServices;
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
  /** Returns as soon as the revision is accepted and durable, or refused. */
  apply(change: StateChange, options: ApplyOptions): Promise<RevisionOutcome>;
  /**
   * Proposes the content of `revision` anew; without it, ends the trial that is under way, or goes back to the revision that was DONE
   * before the present one. Rejects with a Problem where there is none, or its content is not kept any more (ROLL-6).
   */
  rollback(revision: number | null, options: Omit<ApplyOptions, 'source'>): Promise<RevisionOutcome>;
  /** The steps that `apply` would take (ENG-5). Touches nothing. */
  plan(change: StateChange): Promise<PlanOutcome>;
  /** The desired revision. */
  current(): { readonly revision: number; readonly digest: string; readonly state: FlatState };
  /** Every revision that is remembered, oldest first. */
  history(): readonly RevisionEntry[];
  /** One revision with its content. Throws a Problem where it is not known, or its content is not kept any more. */
  content(revision: number): RevisionContent;
  /** How `revision` goes, or went; without it, the newest one that was accepted. Throws a Problem where it is not known. */
  outcome(revision?: number): RevisionOutcome;
  /** Present outcome at once, then every change of it. Never completes by itself. Throws as `outcome`. */
  outcomes(revision?: number): Observable<RevisionOutcome>;
  resources(): readonly ResourceItem[];
  changes(): Observable<ResourceChange>;
  describe(key: Key): ResourceDescription | null;
  /** Every rule of ingress, listener by listener, in the order in which each tries them. */
  routes(): readonly RouteItem[];
  routeChanges(): Observable<RouteChange>;
  /** What each rule has carried and what goes over links, looked up now. Rejects when the adapter cannot tell. */
  traffic(): Promise<Traffic>;
  /** Links and rules of ingress, in the order of the revision. */
  graph(): readonly GraphLink[];
  /** Kept events, oldest first. */
  events(): readonly EventRecord[];
  eventStream(): Observable<EventRecord>;
  /** Everything of ours away, in order. Same outcome record; done when no resource is left. */
  down(): Promise<RevisionOutcome>;
}
