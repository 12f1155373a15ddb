import jsonpatch from 'fast-json-patch';
import { type Context, clientFor, type SocketOption } from '../context.ts';
import { exitCodes } from '../failure.ts';
import { contentOf } from '../past-revisions.ts';
import { stateChangesText } from '../render/state-changes-text.ts';
import { json } from '../render/text.ts';
import { stateChanges } from '../state-changes.ts';

/** Options of `diff`. */
export interface DiffOptions extends SocketOption {
  readonly output: 'text' | 'json';
}

/** Shows what makes one kept revision of another: for people by place, in JSON as operations of RFC 6902. */
export async function diff(
  from: number,
  to: number,
  options: DiffOptions,
  context: Context,
): Promise<number> {
  const { terminal } = context;
  using client = clientFor(options, context);
  const [before, after] = await Promise.all([contentOf(client, from), contentOf(client, to)]);
  if (options.output === 'json') {
    terminal.out(json(jsonpatch.compare(before.state, after.state)));
    return exitCodes.ok;
  }
  const changes = stateChanges(before.state, after.state);
  const heading = `from revision ${from} to revision ${to}:`;
  const nothing = before.digest === after.digest ? 'the same content' : 'the same documents in another order';
  terminal.out(
    changes.length === 0 ? `${heading} ${nothing}\n` : `${heading}\n${stateChangesText(changes, terminal)}`,
  );
  return exitCodes.ok;
}
