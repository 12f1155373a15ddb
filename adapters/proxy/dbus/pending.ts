/** So many are remembered, and then the oldest are forgotten: what nobody has answered by then is not going to be. Buses have limits of the same kind. */
const most = 8192;

/** Calls of the consumer that the bus has, and that have no answer, by their serials. */
export class PendingCalls {
  readonly #serials = new Set<number>();

  has(serial: number): boolean {
    return this.#serials.has(serial);
  }

  add(serial: number): void {
    add(this.#serials, serial);
  }

  /** False: there is no such call, or it was answered. */
  take(serial: number | null): boolean {
    return serial !== null && this.#serials.delete(serial);
  }
}

/** Calls of others that the consumer has, and has not answered: by whom, and with which serial. */
export class PendingCallers {
  readonly #calls = new Set<string>();

  add(caller: string | null, serial: number): void {
    add(this.#calls, `${serial} ${caller}`);
  }

  /** False: nobody of that name waits for this answer. */
  take(caller: string | null, serial: number | null): boolean {
    return this.#calls.delete(`${serial} ${caller}`);
  }
}

function add<Value>(values: Set<Value>, value: Value): void {
  values.add(value);
  if (values.size <= most) return;
  const [oldest] = values;
  if (oldest !== undefined) values.delete(oldest);
}
