import type { Socket } from 'node:net';
import { Observable, Subject } from 'rxjs';
import type { After } from '../../linux/network-monitor.ts';
import type { ProcessIdentity } from '../../linux/process-identity.ts';
import { connected, isAbsence } from './command-socket.ts';

export interface EndWatchOptions {
  /** Of the master. */
  readonly socket: string;
  /** The master; null: none runs. */
  readonly running: () => ProcessIdentity | null;
  readonly after: After;
}

/** How long after a connection was broken off another one is tried: a master that starts anew takes some 30 ms to listen. */
const againMs = 20;

/** How often it is tried: a master that runs and listens nowhere, since somebody has deleted its socket, is as good as gone. */
const mostTries = 100;

/**
 * Tells when a master ends that nobody has told to: the kernel closes our idle connection to it then. A master that starts anew closes it too,
 * and is connected to again.
 */
export class EndWatch {
  readonly #options: EndWatchOptions;
  readonly #ended = new Subject<string>();
  #watchers = 0;
  #socket: Socket | null = null;
  #cancel: () => void = () => undefined;
  /** The master that is attended to; null: none. */
  #attended: ProcessIdentity | null = null;
  /** In a row, to reach a master that runs. */
  #tries = 0;
  #isBusy = false;
  #isClosed = false;

  /** Why the master is gone. Errors never; completes when it is closed. */
  readonly ended: Observable<string>;

  constructor(options: EndWatchOptions) {
    this.#options = options;
    this.ended = new Observable((subscriber) => {
      const subscription = this.#ended.subscribe(subscriber);
      this.#watchers += 1;
      if (this.#watchers === 1) this.#attend();
      return () => {
        subscription.unsubscribe();
        this.#watchers -= 1;
        if (this.#watchers === 0) this.#letGo();
      };
    });
  }

  /** Does `work`, during which the master may be told to end or to start anew: that is no event. */
  async during(work: () => Promise<void>): Promise<void> {
    this.#isBusy = true;
    this.#letGo();
    try {
      await work();
    } finally {
      this.#isBusy = false;
      this.#attend();
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#letGo();
    this.#ended.complete();
  }

  #letGo(): void {
    this.#cancel();
    this.#socket?.destroy();
    this.#socket = null;
    this.#attended = null;
  }

  #attend(): void {
    if (this.#watchers === 0 || this.#isBusy || this.#isClosed) return;
    const master = this.#options.running();
    if (master === null) this.#tell();
    else {
      this.#attended = master;
      void this.#connect();
    }
  }

  /** One that was attended to and is no more has ended. */
  #tell(): void {
    if (this.#attended === null) return;
    const { pid } = this.#attended;
    this.#attended = null;
    this.#ended.next(`HAProxy (process ${pid}) has ended`);
  }

  /** What can't be talked to is for others to end. It is attended to again when something has been done about it. */
  #giveUp(): void {
    this.#tries = 0;
    this.#ended.next(
      `HAProxy (process ${this.#attended?.pid}) can't be talked to: nothing listens at its socket`,
    );
    this.#attended = null;
  }

  async #connect(): Promise<void> {
    try {
      const socket = await connected(this.#options.socket);
      if (this.#isBusy || this.#isClosed || this.#socket !== null) {
        socket.destroy();
        return;
      }
      this.#tries = 0;
      this.#socket = socket.resume();
      // `close` follows.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        if (this.#socket !== socket) return;
        this.#socket = null;
        this.#again();
      });
    } catch (error) {
      if (isAbsence(error)) this.#again();
      else this.#ended.next(`HAProxy can't be watched: ${String(error)}`);
    }
  }

  #again(): void {
    this.#cancel();
    this.#tries += 1;
    if (this.#tries > mostTries) return this.#giveUp();
    this.#cancel = this.#options.after(againMs, () => this.#attend());
  }
}
