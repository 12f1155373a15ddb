import { nextTurn } from '../../linux/next-turn.ts';

/**
 * As many bytes are read for one link in one turn of the event loop, and then others have theirs. Messages that are dropped are held up by nobody: a
 * flood of small ones would keep the process busy with 32 reads of each session at a time (uv__read of libuv), and links of others waiting.
 */
const mostEachTurn = 64 * 1024;

/** What all sessions of one link together may read before other links have their turn. Costs nothing as long as less comes. */
export class LinkTurn {
  readonly #changed: () => void;
  #spent = 0;
  #isOver = false;
  #isCounting = false;

  /** `changed`: sessions are to stop reading, or may go on (`isOver`). Must not throw. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** So many bytes were read, and what they ask for was done. */
  spend(bytes: number): void {
    this.#spent += bytes;
    if (this.#spent < mostEachTurn || this.#isOver) {
      this.#count();
      return;
    }
    this.#isOver = true;
    this.#count();
    this.#changed();
  }

  #count(): void {
    if (this.#isCounting) return;
    this.#isCounting = true;
    nextTurn().then(() => this.#begin());
  }

  #begin(): void {
    const wasOver = this.#isOver;
    this.#isCounting = false;
    this.#isOver = false;
    this.#spent = 0;
    if (wasOver) this.#changed();
  }
}
