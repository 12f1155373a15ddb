import type { Observable } from 'rxjs';
import type {
  Conflict,
  ContainerSpec,
  Key,
  LeaseSpec,
  LinkSpec,
  ListenerSpec,
  ObservedResource,
  PoolSpec,
} from '../state/resource.ts';

/** What each step carries besides its key. Specs are whole: an executor needs nothing but its step. */
export interface StepArguments {
  /** Make the pool as `spec` says, or change the one there (same bridge or parent) in place. */
  readonly 'pool.ensure': { readonly spec: PoolSpec; readonly digest: string };
  readonly 'pool.remove': { readonly spec: PoolSpec };
  readonly 'lease.reserve': { readonly spec: LeaseSpec; readonly digest: string };
  readonly 'lease.release': { readonly spec: LeaseSpec };
  /** Prepare root and configuration anew and start. The container does not run. */
  readonly 'container.start': { readonly spec: ContainerSpec; readonly digest: string };
  /** Graceful, then forced (CTR-8). What the container was made of stays. */
  readonly 'container.stop': Readonly<Record<never, never>>;
  /** Remove everything of a container that does not run, but for its permanent storage. */
  readonly 'container.remove': Readonly<Record<never, never>>;
  /**
   * Listen as `spec` says from when the step is done, or change the listener there in place. What other listeners carry is not disturbed
   * (ING-10). Whether its providers run makes no difference.
   */
  readonly 'listener.ensure': { readonly spec: ListenerSpec; readonly digest: string };
  readonly 'listener.remove': { readonly spec: ListenerSpec };
  /**
   * The service is at the consumer's target from when the step is done, or the link there is changed in place, without a moment in which neither
   * is there. Both containers run. Where the provider has yet to make its socket the step is done all the same, and what is observed says so
   * (`facts.awaits`); when it has, the watch tells that the link drifts. A target that is there and not ours is a conflict (LINK-12).
   */
  readonly 'link.ensure': { readonly spec: LinkSpec; readonly digest: string };
  /** Gone from the consumer when the step is done, with whatever was made for it there (LINK-10). The consumer need not run. */
  readonly 'link.remove': { readonly spec: LinkSpec };
}

export type Action = keyof StepArguments;

/** Frozen JSON: what to do to which resource. Doing it twice is harmless; removing what is gone succeeds. */
export type Step = { [A in Action]: { readonly action: A; readonly key: Key } & StepArguments[A] }[Action];

/** The step of one action. */
export type StepOf<A extends Action> = Extract<Step, { readonly action: A }>;

/** An exhaustive table from action to its executor. */
export type Executors<Result> = { readonly [A in Action]: (step: StepOf<A>) => Result };

/** One resource as it is now; null: it is not there. */
export interface Observation {
  readonly key: Key;
  readonly observed: ObservedResource | null;
}

/** How a step ended. Observations are what is there now, also after a failure. */
export type StepResult =
  | { readonly outcome: 'done'; readonly observations: readonly Observation[] }
  /** Wrong against this device (ENG-8): retrying alone will not help, and nothing was disturbed. */
  | {
      readonly outcome: 'conflict';
      readonly conflict: Conflict;
      readonly observations: readonly Observation[];
    }
  /** May well succeed later: the engine retries with backoff. */
  | { readonly outcome: 'failed'; readonly error: StepError; readonly observations: readonly Observation[] };

/** Why a step failed, ready to be shown. */
export interface StepError {
  /** UpperCamelCase, stable. */
  readonly code: string;
  /** What was done, what came back, what to look at. */
  readonly message: string;
  /** Last lines of what the failing program or the container said, oldest first. */
  readonly log?: readonly string[];
}

/** What one rule of ingress has carried since its listener was made, or since the device or its proxy was last started. */
export interface RuleTraffic {
  /** Name of the rule. */
  readonly rule: string;
  /** Listener that carries it. */
  readonly listener: Key;
  /** tcp: connections; http: requests. */
  readonly connections: number;
  /** From clients. */
  readonly bytesIn: number;
  /** To clients. */
  readonly bytesOut: number;
}

/** What goes over one link that a process of ours carries. */
export interface LinkTraffic {
  readonly link: Key;
  /** Connections that are open now. */
  readonly sessions: number;
  /** Since the process was started. */
  readonly connections: number;
}

/** What ingress has carried, and the process by which it did where the kernel could not. */
export interface Traffic {
  readonly rules: readonly RuleTraffic[];
  /** Of links that are carried by a process; the kernel counts nothing. */
  readonly links: readonly LinkTraffic[];
  /** Null: none runs. */
  readonly proxy: {
    readonly name: 'haproxy' | 'builtin';
    readonly pid: number;
    /** How often it was made to read its configuration anew since it was started. */
    readonly reloads: number;
  } | null;
}

/** What a watch reports. `relist`: changes may have been missed; one full observation is due. */
export type WatchEvent =
  | ({ readonly type: 'observation' } & Observation)
  | { readonly type: 'relist'; readonly reason: string };

/** The part of an adapter that a dry run gets. */
export interface Observer {
  /** `memory`, `lxc`, `docker`. */
  readonly name: string;
  /**
   * Everything of ours that exists, each exactly once. Rejects when it cannot tell: half a list is never returned,
   * since what is missing from it counts as gone.
   */
  observe(signal: AbortSignal): Promise<readonly ObservedResource[]>;
  /** What each rule has carried: read when somebody asks, never watched. Rejects when it cannot tell. */
  traffic(): Promise<Traffic>;
  /** Release what the adapter holds in this process. Stops no container, removes nothing. */
  close(): Promise<void>;
}

/** What carries out steps on one kind of host. */
export interface Adapter extends Observer {
  /**
   * Changes as they happen, from whatever cause, our own steps included. Never errors; a watch that broke is started
   * again and emits `relist`. Subscribing starts it, unsubscribing ends it. Costs nothing while nothing happens (ENG-7).
   */
  watch(): Observable<WatchEvent>;
  /** Never rejects. At most one step per key is under way at a time; steps of different keys run side by side. */
  apply(step: Step): Promise<StepResult>;
}
