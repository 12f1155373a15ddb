/** A stream of which the first bytes were looked at. */
export interface StreamHead {
  /** At least as many bytes as asked for, unless the stream is shorter. */
  readonly head: Uint8Array;
  /** The whole stream, head included. To be read once. */
  readonly all: AsyncIterable<Uint8Array>;
}

/** Reads until `length` bytes are there or the stream ends. */
export async function peek(content: AsyncIterable<Uint8Array>, length: number): Promise<StreamHead> {
  const iterator = content[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array();
  while (head.length < length) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  return { head, all: resume(head, iterator) };
}

async function* resume(
  head: Uint8Array,
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    if (head.length > 0) yield head;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  } finally {
    await iterator.return?.();
  }
}

/** All bytes of a stream; null as soon as there are more than `maxBytes`, and then the rest is not read. */
export async function collect(
  content: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
