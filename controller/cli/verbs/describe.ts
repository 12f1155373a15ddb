import type { Key } from '../../../state/resource.ts';
import type { ResourceDescription, ResourceItem } from '../../api/contract.ts';
import type { ControllerClient } from '../client.ts';
import { type Context, clientFor, type SocketOption } from '../context.ts';
import { CliFailure, exitCodes } from '../failure.ts';
import { readSelection, type Selection, selectionQuery } from '../kinds.ts';
import { descriptionText } from '../render/description-text.ts';
import { json } from '../render/text.ts';

/** Options of `describe`. */
export interface DescribeOptions extends SocketOption {
  readonly output: 'text' | 'json';
}

const describeKey = (client: ControllerClient, key: string): Promise<ResourceDescription> =>
  client.get(`/v1/resources/${encodeURIComponent(key)}`);

/** The one resource that has a part of its name as `selection` says; null where there is none. */
async function byPart(client: ControllerClient, selection: Selection): Promise<Key | null> {
  const query = selectionQuery(selection);
  const { items } = await client.get<{ items: readonly ResourceItem[] }>(`/v1/resources?${query}`);
  if (items.length > 1) {
    const names = items.map(({ name }) => `'${name}'`).join(', ');
    throw new CliFailure(
      exitCodes.usage,
      `'${selection.name}' is a part of several names: ${names}`,
      'give one of them',
    );
  }
  return items[0]?.key ?? null;
}

async function find(client: ControllerClient, selection: Selection): Promise<ResourceDescription> {
  const key = `${selection.kind}/${selection.name}`;
  try {
    return await describeKey(client, key);
  } catch (error) {
    if (!(error instanceof CliFailure) || error.exitCode !== exitCodes.notFound) throw error;
    const other = await byPart(client, selection);
    if (other === null) throw error;
    return await describeKey(client, other);
  }
}

/** Shows everything about one resource; a lease may be named by its container where it has one alone. */
export async function describe(
  kindWord: string,
  name: string | undefined,
  options: DescribeOptions,
  context: Context,
): Promise<number> {
  const selection = readSelection(kindWord, name);
  if (selection.kind === undefined || selection.name === undefined) {
    throw new CliFailure(
      exitCodes.usage,
      'describe needs a kind and a name',
      "as in 'holdfast describe container web'",
    );
  }
  using client = clientFor(options, context);
  const description = await find(client, selection);
  context.terminal.out(
    options.output === 'json' ? json(description) : descriptionText(description, context.terminal),
  );
  return exitCodes.ok;
}
