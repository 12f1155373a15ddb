import { connect, type Socket } from 'node:net';

/** What a command socket of HAProxy answers with where a command is no good ends so (management.txt, 9.3). */
const prompt = '\n> ';

/** True where nobody was there to take the connection, or it was broken off: the process starts, starts anew, or has ended. */
export function isAbsence(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(code);
}

/** A word of a command, whatever is in it (management.txt, 9.3). */
export function escaped(word: string): string {
  return word.replace(/[\\; ]/g, '\\$&');
}

/** Connects to a unix socket. Rejects with the system's error. */
export function connected(path: string): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect(path);
  socket.once('error', reject);
  socket.once('connect', () => {
    socket.off('error', reject);
    resolve(socket);
  });
  return promise;
}

/** The answer to one command on a connection of its own. Rejects with the system's error, also where it is broken off. */
export async function answerTo(path: string, command: string): Promise<string> {
  const socket = await connected(path);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', reject);
  socket.on('end', () => resolve(Buffer.concat(chunks).toString()));
  socket.end(`${command}\n`);
  return promise;
}

/**
 * A conversation with one process that serves: it goes on when the process has been replaced by another and drains, so that it can be
 * asked then. While it lasts, that process does not end.
 */
export class Conversation {
  readonly #socket: Socket;
  #text = '';
  #isOver = false;
  #look: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      this.#text += text;
      this.#look();
    });
    // `close` follows.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#isOver = true;
      this.#look();
    });
  }

  /** Rejects with the system's error. */
  static async open(path: string): Promise<Conversation> {
    const conversation = new Conversation(await connected(path));
    await conversation.ask('prompt');
    return conversation;
  }

  /** The answer; null: the process has ended. One question at a time. */
  async ask(command: string): Promise<string | null> {
    return (await this.askAll([command]))?.[0] ?? null;
  }

  /** The answers, in their order, to what is asked without waiting for one before the next; null: the process has ended. */
  async askAll(commands: readonly string[]): Promise<readonly string[] | null> {
    if (commands.length === 0) return [];
    this.#socket.write(`${commands.join('\n')}\n`);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#look = () => {
      if (this.#isOver || this.#answers().length >= commands.length) resolve();
    };
    this.#look();
    await promise;
    const answers = this.#answers();
    this.#text = '';
    return answers.length >= commands.length ? answers : null;
  }

  /** Those that are whole. */
  #answers(): readonly string[] {
    return this.#text.endsWith(prompt) ? this.#text.split(prompt).slice(0, -1) : [];
  }

  end(): void {
    this.#socket.destroy();
  }
}
