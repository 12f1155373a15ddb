import type { RevisionOutcome } from '../api/contract.ts';
import type { Context } from './context.ts';
import { progressLine } from './render/progress-line.ts';

/** While a revision is being tested, the time until it is committed is drawn anew this often. */
const redrawMs = 1_000;

/** One line on the terminal's error stream that says how far a revision is; draws nothing where that is no terminal. */
export class Progress implements Disposable {
  readonly #context: Pick<Context, 'terminal' | 'clock'>;
  #drawn = false;
  #cancelRedraw: () => void = () => {};

  constructor(context: Pick<Context, 'terminal' | 'clock'>) {
    this.#context = context;
  }

  show(outcome: RevisionOutcome): void {
    const { terminal, clock } = this.#context;
    if (terminal.live === null) return;
    this.#cancelRedraw();
    terminal.err(`\r\u001b[K${progressLine(outcome, clock.now(), terminal.live.width)}`);
    this.#drawn = true;
    if (outcome.commitAt !== null) this.#cancelRedraw = clock.after(redrawMs, () => this.show(outcome));
  }

  /** Takes the line away. */
  [Symbol.dispose](): void {
    this.#cancelRedraw();
    if (this.#drawn) this.#context.terminal.err('\r\u001b[K');
  }
}
