/** A session remembers so many of each kind, and then forgets the oldest: what nobody has answered by then is not going to be. Buses have limits of the same kind. */
const mostOfSession = 8192;
/** All sessions of a link together; then each that has more than its least forgets its oldest, whoever has the others. */
const mostOfLink = 32_768;
const leastOfSession = 128;

/** How much all sessions of a link remember: neither a consumer that calls who never answers, nor a bus that calls it, costs more. */
export class PendingShare {
  #used = 0;

  get isUsedUp(): boolean {
    return this.#used > mostOfLink;
  }

  /** So many more, or fewer. */
  change(by: number): void {
    this.#used += by;
  }
}

/** Calls of the consumer that the bus has, and that have no answer, by their serials. */
export class PendingCalls {
  readonly #serials: Remembered<number>;

  constructor(share: PendingShare) {
    this.#serials = new Remembered(share);
  }

  has(serial: number): boolean {
    return this.#serials.has(serial);
  }

  add(serial: number): void {
    this.#serials.add(serial);
  }

  /** False: there is no such call, or it was answered. */
  take(serial: number | null): boolean {
    return serial !== null && this.#serials.delete(serial);
  }

  clear(): void {
    this.#serials.clear();
  }
}

/** Calls of others that the consumer has, and has not answered: by whom, and with which serial. */
export class PendingCallers {
  readonly #calls: Remembered<string>;

  constructor(share: PendingShare) {
    this.#calls = new Remembered(share);
  }

  add(caller: string | null, serial: number): void {
    this.#calls.add(`${serial} ${caller}`);
  }

  /** False: nobody of that name waits for this answer. */
  take(caller: string | null, serial: number | null): boolean {
    return this.#calls.delete(`${serial} ${caller}`);
  }

  clear(): void {
    this.#calls.clear();
  }
}

class Remembered<Value> {
  readonly #share: PendingShare;
  readonly #values = new Set<Value>();

  constructor(share: PendingShare) {
    this.#share = share;
  }

  has(value: Value): boolean {
    return this.#values.has(value);
  }

  add(value: Value): void {
    const { size } = this.#values;
    this.#share.change(this.#values.add(value).size - size);
    const isTooMuch = this.#share.isUsedUp && this.#values.size > leastOfSession;
    if (!isTooMuch && this.#values.size <= mostOfSession) return;
    const [oldest] = this.#values;
    if (oldest !== undefined) this.delete(oldest);
  }

  delete(value: Value): boolean {
    const isThere = this.#values.delete(value);
    if (isThere) this.#share.change(-1);
    return isThere;
  }

  clear(): void {
    this.#share.change(-this.#values.size);
    this.#values.clear();
  }
}
