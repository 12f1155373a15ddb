/** Work that takes turns: what is begun later waits until all before it has ended, however that ended. */
export class Turns {
  /** The end of whatever is under way. */
  #tail: Promise<unknown> = Promise.resolve();
  #begun = 0;

  /** Nothing is under way, nor waits. */
  get isIdle(): boolean {
    return this.#begun === 0;
  }

  /** Runs `work` when everything before it has ended; settles as it does. */
  next<Result>(work: () => Promise<Result>): Promise<Result> {
    const ended = () => {
      this.#begun -= 1;
    };
    this.#begun += 1;
    const result = this.#tail.then(work, work);
    this.#tail = result.then(ended, ended);
    return result;
  }
}
