/** Numbers and bytes that look random and are the same in every run (mulberry32). */
export class RandomBytes {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0 to `limit`, without it. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  one(texts: readonly string[]): string {
    return texts[this.below(texts.length)] ?? '';
  }

  /** One of these texts with up to four places of it changed; a character is a byte. */
  spoilt(texts: readonly string[]): string {
    let text = this.one(texts);
    for (let changes = this.below(5); changes > 0; changes -= 1) {
      const at = this.below(text.length + 1);
      const removed = this.below(4) === 0 ? this.below(6) : this.below(2);
      text = text.slice(0, at) + this.#bit(text) + text.slice(at + removed);
    }
    return text;
  }

  #bit(text: string): string {
    switch (this.below(4)) {
      case 0:
        return String.fromCharCode(this.below(256));
      case 1:
        return this.one([
          '\r\n',
          '\n',
          '\r\n\r\n',
          ': ',
          ' ',
          '\x00',
          '\x01',
          '\x7f',
          '\xff',
          '0',
          '99',
          ',',
        ]);
      case 2:
        return text.slice(this.below(text.length), this.below(text.length));
      default:
        return '';
    }
  }
}
