import type { Message } from './message.ts';
import { readU32 } from './parse-head.ts';

/*
 * The few things of bodies that are read: texts at their beginning. Of a body only `bytes` may be there yet; what does not lie in there, or is not
 * what the signature says, is not read. Whoever gets the message validates the rest.
 */

/** The body's texts, as far as its signature begins with texts, `most` of them at most. A text is read as bytes (latin1). */
export function leadingTexts(message: Message, body: Buffer, most: number): readonly string[] {
  const texts: string[] = [];
  let at = 0;
  while (texts.length < most && message.signature[texts.length] === 's') {
    const text = textAt(message, body, at);
    if (text === null) break;
    texts.push(text);
    at = (at + 4 + text.length + 1 + 3) & -4;
  }
  return texts;
}

/** The texts of a body that is one list of texts; null: it is no such, or not as a whole. */
export function listOfTexts(message: Message, body: Buffer): readonly string[] | null {
  if (message.signature !== 'as' || body.length < 4) return null;
  const end = 4 + readU32(body, 0, message.isBigEndian);
  if (end > body.length) return null;
  const texts: string[] = [];
  for (let at = 4; at < end; ) {
    const text = textAt(message, body, at);
    if (text === null) return null;
    texts.push(text);
    at = (at + 4 + text.length + 1 + 3) & -4;
  }
  return texts;
}

function textAt(message: Message, body: Buffer, at: number): string | null {
  if (at + 4 > body.length) return null;
  const end = at + 4 + readU32(body, at, message.isBigEndian);
  if (end >= body.length || body[end] !== 0) return null;
  return body.toString('latin1', at + 4, end);
}
