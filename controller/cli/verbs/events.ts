import type { EventRecord } from '../../../state/status.ts';
import { type Context, clientFor, type SocketOption } from '../context.ts';
import { exitCodes } from '../failure.ts';
import { eventLine } from '../render/event-text.ts';
import { json, jsonLine } from '../render/text.ts';

/** Options of `events`. */
export interface EventsOptions extends SocketOption {
  readonly follow?: boolean;
  readonly output: 'text' | 'json';
}

/** Shows the events that are kept, oldest first, and with `follow` every new one. */
export async function events(options: EventsOptions, context: Context): Promise<number> {
  const { terminal } = context;
  const asJson = options.output === 'json';
  using client = clientFor(options, context);
  if (options.follow === true) {
    for await (const event of client.lines<EventRecord>('/v1/events?follow=1')) {
      terminal.out(asJson ? jsonLine(event) : eventLine(event, terminal.paint));
    }
    return exitCodes.ok;
  }
  const kept = await client.get<{ items: readonly EventRecord[] }>('/v1/events');
  terminal.out(asJson ? json(kept) : kept.items.map((event) => eventLine(event, terminal.paint)).join(''));
  return exitCodes.ok;
}
