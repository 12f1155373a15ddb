import type { After } from '../../linux/network-monitor.ts';
import type { ClientConnection } from './client-connection.ts';
import { refuseRaw } from './refuse-raw.ts';

/** Into how many looks the time for a head is divided; it is kept to within one of them. */
const looksPerHead = 4;

/** Closes connections on which the head of a request does not come in time, however it dribbles. Has a timer only while one is awaited. */
export class HeadWatch {
  readonly #everyMs: number;
  readonly #after: After;
  readonly #awaited = new Set<ClientConnection>();
  #armed = false;

  constructor(headMs: number, after: After) {
    this.#everyMs = headMs / looksPerHead;
    this.#after = after;
  }

  add(client: ClientConnection): void {
    client.await();
    this.#awaited.add(client);
    if (!this.#armed) this.#arm();
  }

  delete(client: ClientConnection): void {
    this.#awaited.delete(client);
  }

  #arm(): void {
    this.#armed = true;
    this.#after(this.#everyMs, () => this.#look());
  }

  #look(): void {
    this.#armed = false;
    for (const client of this.#awaited) {
      if (client.look() <= looksPerHead) continue;
      this.#awaited.delete(client);
      refuseRaw(client.socket, 408, 'the head of the request does not come');
    }
    if (this.#awaited.size > 0) this.#arm();
  }
}
