/** Control characters of C0 and C1, and marks that turn the direction of text: what a terminal obeys instead of showing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
const obeyed = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/**
 * `text` without anything that a terminal would obey: names and logs come from containers, and must not write the
 * screen of the one who looks at them. Such characters are shown as `\x1b` or `\u202e`; line ends and tabs as spaces.
 */
export function printable(text: string): string {
  return text.replace(obeyed, (character) => {
    if (character === '\n' || character === '\t') return ' ';
    const code = character.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}

/** `text` in at most `width` characters, the last of them `…` where something was cut. */
export function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
}

/** As `cut`, but the end of it is kept, where paths and names that are alike differ: the first character is `…`. */
export function cutFront(text: string, width: number): string {
  const characters = [...text];
  if (characters.length <= width) return text;
  return width < 1 ? '' : `…${characters.slice(characters.length - width + 1).join('')}`;
}

/** `text` broken at spaces into lines of at most `width` characters, each after `indent`; longer words stay whole. */
export function wrapped(text: string, width: number, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of printable(text).split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((each) => `${indent}${each}\n`).join('');
}

/** What stands under a heading begins with it. */
export const indent = '  ';

/** Each line of `lines` under a heading. */
export function indented(lines: string): string {
  return lines.replace(/^(?=.)/gm, indent);
}

/** `3 steps`, `1 step`. */
export function count(number: number, singular: string): string {
  return `${number} ${singular}${number === 1 ? '' : 's'}`;
}

/** A value as indented JSON, as scripts get it. */
export function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** A value as one line of JSON, as scripts get it from a stream. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/** Milliseconds since the epoch as UTC to the second: `2026-11-22 02:23:01Z` (RFC 3339 with a space). */
export function instant(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}
