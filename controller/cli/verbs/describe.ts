import { type Context, clientFor, type SocketOption } from '../context.ts';
import { exitCodes } from '../failure.ts';
import { findResource, readResourceName } from '../find-resource.ts';
import { descriptionText } from '../render/description-text.ts';
import { json } from '../render/text.ts';

/** Options of `describe`. */
export interface DescribeOptions extends SocketOption {
  readonly output: 'text' | 'json';
}

/** Shows everything about one resource; a lease may be named by its container where it has one alone. */
export async function describe(
  kindWord: string,
  name: string | undefined,
  options: DescribeOptions,
  context: Context,
): Promise<number> {
  const selection = readResourceName('describe', kindWord, name);
  using client = clientFor(options, context);
  const description = await findResource(client, selection);
  context.terminal.out(
    options.output === 'json' ? json(description) : descriptionText(description, context.terminal),
  );
  return exitCodes.ok;
}
