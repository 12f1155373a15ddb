/** As much is read at a time. */
const bytesEach = 64 * 1024;
/** So many are kept for later. */
const mostSpare = 64;
/** What is smaller is not worth one: Node takes it from a piece of memory that it has at hand (Buffer.poolSize). */
const leastBytes = 4096;

/**
 * Memory for what comes and goes, of all sessions together. What is read is read into one buffer, by one session after the other; what is written
 * is copied into one that is used again when the write is done. Without it each read would cost 64 KiB of garbage.
 */
export class Buffers {
  readonly forReading = Buffer.alloc(bytesEach);
  readonly #spare: Buffer[] = [];

  /** A copy, for one write; `done` is to be called when that is done. */
  copy(bytes: Buffer): { readonly bytes: Buffer; readonly done?: () => void } {
    if (bytes.length < leastBytes || bytes.length > bytesEach) return { bytes: Buffer.from(bytes) };
    const buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(bytesEach);
    bytes.copy(buffer);
    return { bytes: buffer.subarray(0, bytes.length), done: () => this.#giveBack(buffer) };
  }

  #giveBack(buffer: Buffer): void {
    if (this.#spare.length < mostSpare) this.#spare.push(buffer);
  }
}
