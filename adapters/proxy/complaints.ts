import { inspect } from 'node:util';

/** So many are said, and then no more: whoever can bring one about could fill the disk with them. */
const most = 100;

/** What went wrong in this program itself, for whoever reads the log of the process. */
export class Complaints {
  readonly #write: (text: string) => void;
  #said = 0;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** Never throws. */
  readonly complain = (error: unknown): void => {
    if (this.#said === most) return;
    this.#said += 1;
    const text = `an error of the proxy itself, which goes on: ${inspect(error)}`;
    const last = this.#said === most ? `; the ${most}th, and the last that is said\n` : '\n';
    try {
      this.#write(text + last);
    } catch {
      // A log that takes nothing (ENOSPC) is where this would have to be said.
    }
  };
}
