import type { Observable } from 'rxjs';

/** A dbus link (LINK-6): a bus of a provider, as one consumer in one role has it. */
export interface DbusListener {
  /** Name of the link; what is counted is told by it. */
  readonly name: string;
  /** Where to listen: a path of the host, of at most 100 bytes, in a directory of ours that is there. Whoever reaches the socket may connect: its mode is 0666. */
  readonly path: string;
  /** Where the bus is reached: a socket at a path of the host that stays the same. */
  readonly bus: string;
  /** The role as a user of the host: what the kernel tells the bus of whoever connects (SO_PEERCRED). Another one than `claimedUid` where the provider has a user namespace. */
  readonly uid: number;
  /** Its group on the host, told to the bus likewise; absent: one that nobody is in. It has no others. */
  readonly gid?: number;
  /** The role as a user of the provider: what is said in the handshake (AUTH EXTERNAL). */
  readonly claimedUid: number;
  /** Null: only what no link may do is denied. Else the one name, or interface, that may be called besides the bus's own essentials. */
  readonly interface: string | null;
}

/** The process that runs. */
export interface DbusProxyProcess {
  readonly pid: number;
  /** What it serves now: as given to `serve`, by whichever controller. */
  readonly listeners: readonly DbusListener[];
}

/** What goes over one link. */
export interface DbusTraffic {
  readonly listener: string;
  /** Connections that are open now. */
  readonly sessions: number;
  /** Since the process was started. */
  readonly connections: number;
  /** Calls, signals and answers of the consumer that were not passed on. */
  readonly denied: number;
}

/**
 * The data plane of dbus links: a process apart from the controller, which outlives it and is found again, below the instance's root directory.
 * It is root's, since it connects as whom a role says; of the consumer's bytes it believes nothing.
 */
export interface DbusProxy {
  /** The process that runs, with what it serves; null: none does. Rejects when it cannot tell. */
  observe(): Promise<DbusProxyProcess | null>;
  /**
   * Serves exactly these, whole or not at all. Connections of listeners that are not there any more, or that are to another bus or in another role, are
   * ended; others go on, and what they may call is as the new listener says. For none the process is ended, and nothing of it is left. Calls do
   * not overlap. Rejects with a ProxyError (proxy.ts).
   */
  serve(listeners: readonly DbusListener[]): Promise<void>;
  /** Empty while no process runs. */
  traffic(): Promise<readonly DbusTraffic[]>;
  /** Why the process is not what it was, whenever it ends without having been told to. Subscribing starts it. Costs nothing while nothing happens. */
  watch(): Observable<string>;
  /** Lets go of the process, which goes on. */
  close(): void;
}
