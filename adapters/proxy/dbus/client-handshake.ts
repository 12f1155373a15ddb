/** What came of some bytes of a client that has yet to authenticate. */
export interface HandshakeStep {
  /** What is said to it. */
  readonly say: string;
  /** `done`: what is in `rest` are messages. `refused`: its connection is to be closed. */
  readonly state: 'goes on' | 'done' | 'refused';
  readonly rest: Buffer;
}

/** All that may come before BEGIN, in bytes, and in lines. */
const longestHandshake = 16 * 1024;
const mostLines = 64;

const rejected = 'REJECTED EXTERNAL\r\n';
const nothing = Buffer.alloc(0);

/**
 * The server's side of a handshake (D-Bus specification, "Authentication Protocol"), as far as it matters here: whoever reaches the socket is
 * let in (LINK-6), whatever user it says it is, by EXTERNAL alone. File descriptors are refused, as the specification foresees.
 */
export class ClientHandshake {
  readonly #guid: string | null;
  #state: 'nul' | 'auth' | 'data' | 'begin' = 'nul';
  #received = 0;
  #lines = 0;
  #rest: Buffer = nothing;

  /** `guid`: of the bus, which is told to the client. Null: the bus does not let us in, and so nobody gets in here. */
  constructor(guid: string | null) {
    this.#guid = guid;
  }

  /** In pieces of any size, which may be overwritten afterwards. Nothing more may come once it is done or refused. */
  push(bytes: Buffer): HandshakeStep {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    let say = '';
    if (this.#state === 'nul') {
      if (this.#rest.length > 0 && this.#rest[0] !== 0) return { say, state: 'refused', rest: nothing };
      this.#skip(Math.min(1, this.#rest.length));
      if (this.#received > 0) this.#state = 'auth';
    }
    for (let line = this.#line(); line !== null; line = this.#line()) {
      if (line === 'BEGIN') {
        const state = this.#state === 'begin' ? 'done' : 'refused';
        return { say, state, rest: this.#rest };
      }
      say += this.#answer(line);
    }
    // Of lines that were taken, and of the one that has begun.
    const isTooLong = this.#received + this.#rest.length > longestHandshake || this.#lines > mostLines;
    return { say, state: isTooLong ? 'refused' : 'goes on', rest: nothing };
  }

  /** Null: there is no whole line, or there were too many. */
  #line(): string | null {
    const end = this.#rest.indexOf('\r\n');
    if (end < 0 || this.#received + end + 2 > longestHandshake || this.#lines > mostLines) return null;
    const line = this.#rest.toString('latin1', 0, end);
    this.#skip(end + 2);
    this.#lines += 1;
    return line;
  }

  #skip(count: number): void {
    this.#received += count;
    this.#rest = this.#rest.subarray(count);
  }

  #answer(line: string): string {
    const [command = '', ...words] = line.split(' ');
    if (command === 'CANCEL' || command === 'ERROR') return this.#reject();
    if (this.#state === 'auth' && command === 'AUTH') return this.#authenticate(words);
    if (this.#state === 'data' && command === 'DATA') return this.#identity(words[0] ?? '');
    if (this.#state === 'begin' && command === 'NEGOTIATE_UNIX_FD')
      return 'ERROR "file descriptors are not passed"\r\n';
    return 'ERROR "not expected here"\r\n';
  }

  #authenticate([mechanism, identity]: readonly string[]): string {
    if (mechanism !== 'EXTERNAL') return this.#reject();
    if (identity !== undefined) return this.#identity(identity);
    this.#state = 'data';
    return 'DATA\r\n';
  }

  /** Whoever it says it is: to the bus it is who its link says. */
  #identity(hex: string): string {
    if (this.#guid === null || !/^(?:[0-9A-Fa-f]{2})*$/.test(hex)) return this.#reject();
    this.#state = 'begin';
    return `OK ${this.#guid}\r\n`;
  }

  #reject(): string {
    this.#state = 'auth';
    return rejected;
  }
}
