import type { SystemCalls } from '../../linux/system-calls.ts';
import type { DbusListener, DbusTraffic } from '../dbus-proxy.ts';
import type { Buffers } from './buffers.ts';
import { connectAs } from './connect-as.ts';
import { LinkSocket } from './link-socket.ts';
import { LinkTurn } from './link-turn.ts';
import { PendingShare } from './pending.ts';
import { Session } from './session.ts';
import { isOutOfDescriptors, type SpareDescriptor } from './spare-descriptor.ts';

/** Sessions of one link at a time; what comes beyond is closed at once. A bus takes a few times as many of one user (dbus-daemon(1), max_connections_per_user: 256), which may be the role of several consumers. */
const mostSessions = 64;

/**
 * Of these, as many that have no name at the bus yet; who comes beyond waits. A bus has room for few such connections, of all its clients together,
 * and takes nobody else until they are done or it has lost patience with them (dbus-daemon(1), max_incomplete_connections: 64, auth_timeout: 30 s).
 */
const mostNameless = 16;

/** A group that nobody is in, as which a role comes that has none: root's own would be granted what a bus grants to the group root. */
const noGroup = 65_534;

export interface FrontParts {
  readonly calls: SystemCalls;
  /** Is told of errors of our own. */
  readonly complain: (error: unknown) => void;
  readonly buffers: Buffers;
  readonly spare: SpareDescriptor;
}

/** One link as it is served: its socket, and the sessions that came through it. */
export class LinkFront {
  readonly socket: LinkSocket;
  readonly #calls: SystemCalls;
  readonly #complain: (error: unknown) => void;
  readonly #buffers: Buffers;
  readonly #sessions = new Set<Session>();
  readonly #nameless = new Set<Session>();
  /** See Standing. */
  readonly #names = new Set<string>();
  readonly #pending = new PendingShare();
  readonly #turn = new LinkTurn(() => {
    for (const session of this.#sessions) session.takeTurn();
  });
  #wanted: DbusListener;
  #connections = 0;
  #denied = 0;

  constructor(wanted: DbusListener, { calls, complain, buffers, spare }: FrontParts) {
    this.#wanted = wanted;
    this.#calls = calls;
    this.#complain = complain;
    this.#buffers = buffers;
    const take = (consumer: number): void => this.#take(consumer);
    const mayTake = (): boolean => this.#nameless.size < mostNameless;
    this.socket = new LinkSocket(wanted.name, wanted.path, { calls, complain, spare, mayTake, take });
  }

  /** As it is served. */
  get wanted(): DbusListener {
    return this.#wanted;
  }

  get traffic(): DbusTraffic {
    return {
      listener: this.#wanted.name,
      sessions: this.#sessions.size,
      connections: this.#connections,
      denied: this.#denied,
    };
  }

  /** Whether it can serve that without ending a session: the same bus, at the same place, as the same user. */
  suits(wanted: DbusListener): boolean {
    const { name, path, bus, uid, gid, claimedUid } = this.#wanted;
    const isSamePlace = wanted.name === name && wanted.path === path && wanted.bus === bus;
    return isSamePlace && wanted.uid === uid && wanted.gid === gid && wanted.claimedUid === claimedUid;
  }

  /** Of one that it suits. */
  become(wanted: DbusListener): void {
    this.#wanted = wanted;
    for (const session of this.#sessions) session.grant(wanted.interface);
  }

  /** Ends it, with its sessions. */
  close(): void {
    this.socket.close();
    for (const session of this.#sessions) session.cut();
  }

  #take(consumer: number): void {
    const bus = this.#sessions.size < mostSessions ? this.#connect() : null;
    if (bus === null) {
      this.#calls.close(consumer);
      return;
    }
    this.#connections += 1;
    const session: Session = new Session({
      consumer,
      bus,
      buffers: this.#buffers,
      claimedUid: this.#wanted.claimedUid,
      granted: this.#wanted.interface,
      names: this.#names,
      pending: this.#pending,
      turn: this.#turn,
      denied: () => {
        this.#denied += 1;
      },
      complain: this.#complain,
      named: () => this.#named(session),
      ended: () => {
        this.#sessions.delete(session);
        this.#named(session);
      },
    });
    this.#sessions.add(session);
    this.#nameless.add(session);
  }

  #named(session: Session): void {
    if (this.#nameless.delete(session)) this.socket.resume();
  }

  /** Null where the bus can't be reached, as this user. */
  #connect(): number | null {
    const { bus, uid, gid = noGroup } = this.#wanted;
    try {
      return connectAs(this.#calls, bus, { uid, gid });
    } catch (error) {
      if (!isOfBus(error) && !isOutOfDescriptors(error)) this.#complain(error);
      return null;
    }
  }
}

/** What connecting says of a bus that is not there, takes nobody now, or not this user (connect(2), unix(7)). */
const ofBus = new Set([
  'EACCES',
  'EAGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'ENOTSOCK',
  'EPROTOTYPE',
  'EWOULDBLOCK',
]);

function isOfBus(error: unknown): boolean {
  return ofBus.has((error as NodeJS.ErrnoException).code ?? '');
}
