/**
 * Tells the transactions that we write ourselves from those of others, as a monitor sees them. Each of ours replaces
 * the whole table; the kernel names the process that wrote, too, but not as we know it where we live in a pid namespace.
 */
export class OwnWrites {
  #pending = 0;

  /** About to write. */
  begin(): void {
    this.#pending += 1;
  }

  /** The write failed: no transaction comes of it. */
  failed(): void {
    this.#pending = Math.max(0, this.#pending - 1);
  }

  /**
   * A transaction that replaces the whole table was seen; true when one of ours was due. When others delete the table
   * just then, theirs is taken for ours and ours, which follows, for theirs: one look too many, none too few.
   */
  claim(): boolean {
    if (this.#pending === 0) return false;
    this.#pending -= 1;
    return true;
  }

  /** A monitor starts anew, or has missed something: no transaction is due any more. */
  reset(): void {
    this.#pending = 0;
  }
}
