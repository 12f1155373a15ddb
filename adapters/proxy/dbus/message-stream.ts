import { fixedBytes, type Message } from './message.ts';
import { headBytesAt, parseHead } from './parse-head.ts';

/** What happens to a message: it goes on, does not, or has to wait, and with it all that follow. */
export type Judgement = 'pass' | 'drop' | 'hold';

/** Who decides. What it throws ends the stream. */
export interface Judge {
  /** As many bytes of the body have to be there for `judge`. */
  needed(message: Message): number;
  /** `body`: as many bytes of it as `needed` said. Called again where it said `hold`. */
  judge(message: Message, body: Buffer): Judgement;
  /** Bytes to be passed on, as they came; `isWhole`: what follows them begins a message. */
  pass(bytes: Buffer, isWhole: boolean): void;
}

/**
 * Cuts a stream of bytes into messages, by their heads alone. Bodies go through as they come: never more is kept than a head with what of a
 * body is needed to judge it, and what followed a message that has to wait in the same piece. What is kept is copied: pieces may be overwritten.
 */
export class MessageStream {
  readonly #judge: Judge;
  /** Bytes of the present body that have yet to come, and whether they are passed on. */
  #left = 0;
  #isPassing = false;
  /** What has come of a head, in a buffer as long as is needed for now. */
  #head: Buffer | null = null;
  #headLength = 0;
  #held: Buffer | null = null;

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  get isHolding(): boolean {
    return this.#held !== null;
  }

  /** Throws ProtocolViolation, and what the judge throws. While it holds, all is kept: nothing more should be read then. */
  push(chunk: Buffer): void {
    let rest = chunk;
    while (this.#head !== null && rest.length > 0) rest = this.#gather(this.#head, rest);
    if (this.#held !== null) this.#held = Buffer.concat([this.#held, rest]);
    else if (rest.length > 0) this.#walk(rest);
  }

  /** Goes on with what had to wait. Throws as `push` does. */
  release(): void {
    const held = this.#held;
    this.#held = null;
    if (held !== null) this.#walk(held);
  }

  /** Takes of `rest` what a head lacks; returns what is left of it. */
  #gather(head: Buffer, rest: Buffer): Buffer {
    const taken = rest.copy(head, this.#headLength);
    this.#headLength += taken;
    if (this.#headLength === head.length) {
      this.#head = null;
      this.#walk(head);
    }
    return rest.subarray(taken);
  }

  #walk(bytes: Buffer): void {
    let at = 0;
    let run = 0;
    while (at < bytes.length) {
      if (this.#left === 0 && !this.#begin(bytes, at)) break;
      // What was passed until here goes out before what is not.
      if (!this.#isPassing) this.#flush(bytes, run, at, true);
      const end = Math.min(bytes.length, at + this.#left);
      this.#left -= end - at;
      at = end;
      if (!this.#isPassing) run = at;
    }
    this.#flush(bytes, run, at, this.#left === 0);
  }

  /** Judges the message that begins there; false where too little of it is there, or it has to wait: that is kept then. */
  #begin(bytes: Buffer, at: number): boolean {
    const message = this.#messageAt(bytes, at);
    if (message === null) return false;
    const body = at + message.headBytes;
    const needed = this.#judge.needed(message);
    if (body + needed > bytes.length) return this.#keep(bytes, at, message.headBytes + needed);
    const judgement = this.#judge.judge(message, bytes.subarray(body, body + needed));
    if (judgement === 'hold') {
      this.#held = Buffer.from(bytes.subarray(at));
      return false;
    }
    this.#left = message.headBytes + message.bodyBytes;
    this.#isPassing = judgement === 'pass';
    return true;
  }

  /** Null, and what is there is kept, where not all of its head is there. */
  #messageAt(bytes: Buffer, at: number): Message | null {
    const head = headBytesAt(bytes, at);
    if (head !== null && at + head <= bytes.length) return parseHead(bytes, at);
    this.#keep(bytes, at, head ?? fixedBytes);
    return null;
  }

  /** Copies what there is of a head into a buffer for `wanted` bytes of it. */
  #keep(bytes: Buffer, at: number, wanted: number): false {
    const head = Buffer.allocUnsafe(wanted);
    this.#headLength = bytes.copy(head, 0, at);
    this.#head = head;
    return false;
  }

  #flush(bytes: Buffer, from: number, to: number, isWhole: boolean): void {
    if (to > from) this.#judge.pass(bytes.subarray(from, to), isWhole);
  }
}
