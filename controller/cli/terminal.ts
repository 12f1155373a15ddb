/** What a piece of text says besides its words; never the only place where it says so. */
export type Style = 'good' | 'bad' | 'busy' | 'faint' | 'strong';

/** Where a verb writes, and what may be written there. Data goes to `out`, progress and errors go to `err`. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Columns that text on `out` may have. */
  readonly width: number;
  /** Text on `out` in a style; unchanged where colours are not wanted. */
  paint(style: Style, text: string): string;
  /** Progress on `err` may be redrawn in place; null where that is no terminal. */
  readonly live: { readonly width: number } | null;
}

/** The part of a stream of the process that decides how it is written to. */
export interface OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Columns where nothing tells how many there are; a terminal that knows no size has 0. */
const defaultWidth = 80;

/**
 * Parameters of Select Graphic Rendition (ECMA-48, 8.3.117): what turns a style on, and what turns it off. Written out,
 * since an import of `node:util` builds all of its exports, which takes 4 ms.
 */
const renditions: Readonly<Record<Style, readonly [on: number, off: number]>> = {
  good: [32, 39],
  bad: [31, 39],
  busy: [33, 39],
  faint: [2, 22],
  strong: [1, 22],
};

function styled(style: Style, text: string): string {
  const [on, off] = renditions[style];
  return `\u001b[${on}m${text}\u001b[${off}m`;
}

/**
 * The terminal that a process has. Colours only on a terminal that is not `dumb`, and not where NO_COLOR is set to
 * anything (no-color.org); in a pipe there is nothing but text.
 */
export function terminalOf(
  stdout: OutputStream,
  stderr: OutputStream,
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  const able = env.TERM !== 'dumb';
  const colours = stdout.isTTY === true && able && (env.NO_COLOR ?? '') === '';
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    width: stdout.isTTY === true ? stdout.columns || defaultWidth : defaultWidth,
    paint: (style, text) => (colours ? styled(style, text) : text),
    live: stderr.isTTY === true && able ? { width: stderr.columns || defaultWidth } : null,
  };
}
