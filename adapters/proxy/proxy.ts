import type { Observable } from 'rxjs';

/** Where a proxy connects to: an address that the host reaches, or a unix socket at a path of the host that stays the same. */
export type ProxyBackend =
  | { readonly type: 'address'; readonly address: string; readonly port: number }
  | { readonly type: 'socket'; readonly path: string };

/** One rule (see RouteSpec), with its backend as the proxy reaches it. */
export interface ProxyRoute {
  readonly rule: string;
  readonly host: string | null;
  readonly path: string;
  readonly keepPrefix: boolean;
  /** Null: http requests get 503. */
  readonly backend: ProxyBackend | null;
}

/** Where a proxy listens, and where that goes (see ListenerSpec): only addresses that it, not the kernel, carries. */
export interface ProxyListener {
  /** Name of the listener; what is counted is told by it. */
  readonly name: string;
  readonly type: 'tcp' | 'http';
  /** Dotted quads and IPv6 addresses, each bound by itself (`::` is IPv6 alone). */
  readonly addresses: readonly string[];
  readonly port: number;
  /** tcp: one, with a backend. http: in the order in which they are tried. */
  readonly routes: readonly ProxyRoute[];
}

/** A rest link (LINK-5): HTTP over a unix socket of ours, to one of a provider. Every request that is passed on says who it is from. */
export interface RestListener {
  /** Name of the link; what is counted is told by it. */
  readonly name: string;
  readonly type: 'rest';
  /** Where to listen: a path of the host, of at most 100 bytes, in a directory of ours that is there. Whoever reaches the socket may connect: its mode is 0666. */
  readonly path: string;
  readonly backend: Extract<ProxyBackend, { readonly type: 'socket' }>;
  /** Goes into `X-PV-Client`; what a client sends of that header, and of all whose names begin with `X-PV-`, in any spelling, is removed. */
  readonly client: string;
  /** Goes into `X-PV-Role`. */
  readonly role: string;
}

export type ServedListener = ProxyListener | RestListener;

/** A proxy process that runs. */
export interface ProxyProcess {
  readonly pid: number;
  /** What it serves now: as given to `serve`, by whichever controller. */
  readonly listeners: readonly ServedListener[];
  /** How often it was made to read its configuration anew since it started; 0 where nothing of that kind is needed. */
  readonly reloads: number;
}

/** What one rule has carried since the process was started. */
export interface ProxyTraffic {
  readonly listener: string;
  /** Of a rest link: empty. */
  readonly rule: string;
  /** tcp: connections; http: requests. */
  readonly connections: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Of a rest link: connections that are open now; absent for anything else. */
  readonly sessions?: number;
}

/** Why a proxy does not serve what it was given. Then it serves what it served before. */
export class ProxyError extends Error {
  /** `PortTaken`, `AddressNotHere`, `PortForbidden` (no permission), `ProxyConfigurationRefused`, `ProxyFailed`. */
  readonly code: string;
  /** The listener that can't be had; null: it is not about one. */
  readonly listener: string | null;
  /** Last lines that the process said. */
  readonly log: readonly string[];

  constructor(
    code: string,
    message: string,
    about: { readonly listener?: string; readonly log?: readonly string[] } = {},
  ) {
    super(message);
    this.name = 'ProxyError';
    this.code = code;
    this.listener = about.listener ?? null;
    this.log = about.log ?? [];
  }
}

/**
 * The layer-7 data plane: a process apart from the controller, which outlives it and is found again (ING-11). One instance has one for its
 * listeners and one for its rest links, each below a directory of its own, so that neither disturbs the other; it carries our mark. One contract suite runs against each (test/contract/proxy-contract.ts).
 */
export interface Proxy {
  readonly name: 'haproxy' | 'builtin';
  /** The process that runs, with what it serves; null: none does. Rejects when it cannot tell. */
  observe(): Promise<ProxyProcess | null>;
  /**
   * Serves exactly these, whole or not at all. When it resolves, new connections are served so; connections that are open go on, but
   * for those of listeners and routes that are not there any more. For none the process is ended, and nothing of it is left. Calls do not overlap.
   * Rejects with a ProxyError.
   */
  serve(listeners: readonly ServedListener[]): Promise<void>;
  /** What each rule has carried; empty while no process runs. */
  traffic(): Promise<readonly ProxyTraffic[]>;
  /** Why the process is not what it was, whenever it ends without having been told to. Subscribing starts it. Costs nothing while nothing happens. */
  watch(): Observable<string>;
  /** Lets go of the process, which goes on. */
  close(): void;
}
