/** What a bus has said to our authentication. */
export type BusAnswer =
  | { readonly type: 'in'; readonly guid: string }
  /** It has rejected us, in its words, or has said what no bus says. */
  | { readonly type: 'refused'; readonly why: string };

/** Its answer has 37 bytes, or names mechanisms. */
const longestAnswer = 1024;

/** What is said to a bus, at once: as whom we come. No file descriptors are negotiated. */
export function introduction(uid: number): string {
  return `\0AUTH EXTERNAL ${Buffer.from(`${uid}`).toString('hex')}\r\n`;
}

/** Ends the handshake; messages follow. */
export const beginning = 'BEGIN\r\n';

/** The client's side of a handshake, up to BEGIN. */
export class BusHandshake {
  #received = '';

  /** In pieces of any size; null: there is more to come. */
  push(bytes: Buffer): BusAnswer | null {
    this.#received += bytes.toString('latin1', 0, longestAnswer + 1);
    const end = this.#received.indexOf('\r\n');
    if (end < 0 && this.#received.length <= longestAnswer) return null;
    const [, guid] = /^OK ([0-9A-Fa-f]{32})\r\n$/.exec(this.#received) ?? [];
    if (guid !== undefined) return { type: 'in', guid };
    return { type: 'refused', why: this.#received.slice(0, Math.max(end, 0)) || 'no line' };
  }
}
