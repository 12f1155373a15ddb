import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { FastifyReply } from 'fastify';
import { maxUnreadStreamBytes } from '../options.ts';

/** Sends one value to the follower; returns at once, whatever the follower does. */
export type Send = (value: unknown) => void;

/** Starts sending, and returns what stops it. `fail` cuts the follower off: it learns that there is nothing more to wait for. */
export type Follow = (send: Send, fail: () => void) => () => void;

/** Answers that go on for as long as both sides live: one JSON value a line. */
export interface LineStreams {
  /**
   * Answers with what `follow` sends, until the client leaves or `end` is called. A client that has left more than
   * `maxUnreadStreamBytes` unread is cut off: it costs a bounded amount of memory and delays nobody.
   */
  answer(reply: FastifyReply, follow: Follow): Promise<void>;
  /** Ends every stream properly: what was sent arrives, then the answer is over. */
  end(): void;
}

/** See LineStreams. `now` values that were sent before the client went away are lost, as with any stream. */
export function lineStreams(): LineStreams {
  const open = new Set<Readable>();
  return {
    async answer(reply, follow) {
      const lines = new Readable({ read: () => {} });
      open.add(lines);
      reply.hijack();
      reply.raw.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
      // The client learns that it is connected before the first line is due, which may be hours.
      reply.raw.flushHeaders();
      reply.raw.once('close', () => lines.destroy());
      lines.pipe(reply.raw);
      const cut = () => void reply.raw.destroy();
      const stop = follow((value) => {
        if (lines.destroyed || lines.readableEnded) return;
        lines.push(`${JSON.stringify(value)}\n`);
        if (lines.readableLength > maxUnreadStreamBytes) cut();
      }, cut);
      try {
        await finished(lines, { writable: false });
      } catch {
        // The client left, or was cut off: either way nobody is there to be told.
      } finally {
        stop();
        open.delete(lines);
      }
    },
    end() {
      for (const lines of open) lines.push(null);
    },
  };
}
