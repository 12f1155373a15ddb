/** Work that takes turns: what is begun later waits until all before it has ended, however that ended. */
export class Turns {
  /** The end of whatever is under way. */
  #tail: Promise<unknown> = Promise.resolve();

  /** Runs `work` when everything before it has ended; settles as it does. */
  next<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#tail.then(work, work);
    this.#tail = result.then(
      () => {},
      () => {},
    );
    return result;
  }
}
