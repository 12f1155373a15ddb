import { type Context, clientFor, type SocketOption } from '../context.ts';
import { exitCodes } from '../failure.ts';
import { historyOf } from '../past-revisions.ts';
import { historyTable } from '../render/history-table.ts';
import { json } from '../render/text.ts';

/** Options of `history`. */
export interface HistoryOptions extends SocketOption {
  readonly output: 'table' | 'json';
}

/** Lists every revision that is remembered, the newest last. */
export async function history(options: HistoryOptions, context: Context): Promise<number> {
  const { terminal } = context;
  using client = clientFor(options, context);
  const items = await historyOf(client);
  if (options.output === 'json') terminal.out(json({ items }));
  else if (items.length === 0) terminal.err('there are no revisions yet\n');
  else terminal.out(historyTable(items, terminal));
  return exitCodes.ok;
}
