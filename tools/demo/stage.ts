import { type Command, runLines } from '../command.ts';

/** Something that the demo claims is not so. */
export class BrokenClaim extends Error {}

/** What a shown command ended with and printed. */
export interface Shown {
  readonly code: number;
  readonly output: string;
}

/** A word as one types it in a shell. */
function spelled(word: string): string {
  return /[^\w./:=+-]/.test(word) ? `'${word.replaceAll("'", "'\\''")}'` : word;
}

/**
 * Where the demo happens: says what it does, shows each command with what that prints, and holds every claim against
 * what is really there.
 */
export class Stage {
  readonly #write: (line: string) => void;
  /** What stands for long paths in the commands that are shown. */
  readonly #abbreviations: readonly (readonly [path: string, short: string])[];

  constructor(
    write: (line: string) => void,
    abbreviations: readonly (readonly [path: string, short: string])[] = [],
  ) {
    this.#write = write;
    this.#abbreviations = abbreviations;
  }

  /** A new part of the story. */
  heading(text: string): void {
    this.#write('');
    this.#write(`── ${text}`);
  }

  note(text: string): void {
    this.#write(`   ${text}`);
  }

  /** Runs a command and shows it. Throws BrokenClaim when it ends with another code than `expected`. */
  async show(command: Command, expected: number = 0): Promise<Shown> {
    const words = [command.program, ...command.arguments].map(spelled);
    this.#write(`   $ ${this.#abbreviate(words.join(' '))}`);
    const lines: string[] = [];
    const code = await runLines(command, {
      out: (line) => {
        lines.push(line);
        this.#write(`     ${this.#abbreviate(line)}`);
      },
      error: (line) => this.#write(`     ${this.#abbreviate(line)}`),
    });
    if (code !== expected) throw new BrokenClaim(`the command ended with ${code}, expected ${expected}`);
    return { code, output: lines.join('\n') };
  }

  /** Says that something holds, having looked. Throws BrokenClaim with what was found instead. */
  claim(text: string, holds: boolean, found: unknown = 'that it is not so'): void {
    if (!holds) throw new BrokenClaim(`expected that ${text}; found ${JSON.stringify(found)}`);
    this.#write(`   ✓ ${text}`);
  }

  #abbreviate(text: string): string {
    return this.#abbreviations.reduce((short, [path, name]) => short.replaceAll(path, name), text);
  }
}
