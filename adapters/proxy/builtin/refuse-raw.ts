import type { Socket } from 'node:net';
import { refusalText } from './answer.ts';

/** Answers where there is no request to answer by, and closes. */
export function refuseRaw(socket: Socket, status: number, reason: string): void {
  const text = refusalText(status, reason);
  const head = `HTTP/1.1 ${text.slice(0, text.indexOf(':'))}\r\nConnection: close\r\nContent-Type: text/plain\r\n`;
  // Whether it takes the answer is up to the other side.
  socket.on('error', () => {});
  socket.end(`${head}Content-Length: ${text.length}\r\n\r\n${text}`, () => socket.destroy());
}
