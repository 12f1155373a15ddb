import { nearestNames } from '../../../state/nearest-name.ts';
import { kinds } from '../../../state/resource.ts';
import type { ResourceChange, ResourceItem } from '../../api/contract.ts';
import type { ControllerClient } from '../client.ts';
import { type Context, clientFor, type SocketOption } from '../context.ts';
import { CliFailure, exitCodes } from '../failure.ts';
import { readSelection, type Selection, selectionQuery } from '../kinds.ts';
import { ResourceListing } from '../render/resource-listing.ts';
import { json, jsonLine } from '../render/text.ts';

/** Options of `get`. */
export interface GetOptions extends SocketOption {
  readonly output: 'table' | 'wide' | 'json' | 'name';
  readonly watch?: boolean;
}

interface Listing {
  readonly items: readonly ResourceItem[];
}

/** A CliFailure for a name that no resource of the selection has, with the names that are most like it. */
async function notFound({ kind, name = '' }: Selection, client: ControllerClient): Promise<CliFailure> {
  const { items } = await client.get<Listing>(
    `/v1/resources?${selectionQuery(kind === undefined ? {} : { kind })}`,
  );
  const known = new Set(items.flatMap((item) => [item.name, ...item.name.split('/')]));
  const near = nearestNames(name, known).map((each) => `'${each}'`);
  return new CliFailure(
    exitCodes.notFound,
    `there is no ${kind ?? 'resource'} '${name}'`,
    near.length === 0 ? undefined : `did you mean ${near.join(' or ')}?`,
  );
}

function listText(
  items: readonly ResourceItem[],
  output: GetOptions['output'],
  { terminal }: Context,
): string {
  if (output === 'json') return json({ items });
  if (output === 'name') return items.map(({ key }) => `${key}\n`).join('');
  return new ResourceListing(items, output === 'wide', terminal).text();
}

async function watch(
  client: ControllerClient,
  query: URLSearchParams,
  output: GetOptions['output'],
  { terminal }: Context,
): Promise<number> {
  query.set('follow', '1');
  let listing = new ResourceListing([], output === 'wide', terminal);
  for await (const line of client.lines<Listing | ResourceChange>(`/v1/resources?${query}`)) {
    const changes =
      'items' in line ? line.items.map((item): ResourceChange => ({ key: item.key, item })) : [line];
    if (output === 'json') terminal.out(changes.map(jsonLine).join(''));
    else if (output === 'name') terminal.out(changes.map(({ key }) => `${key}\n`).join(''));
    else if ('items' in line) {
      listing = new ResourceListing(line.items, output === 'wide', terminal);
      terminal.out(listing.text());
    } else terminal.out(listing.change(line));
  }
  return exitCodes.ok;
}

/** Lists resources, and with `watch` every change of them after that. */
export async function get(
  kindWord: string,
  name: string | undefined,
  { output, watch: follow, socket }: GetOptions,
  context: Context,
): Promise<number> {
  const selection = readSelection(kindWord, name);
  using client = clientFor(socket === undefined ? {} : { socket }, context);
  const query = selectionQuery(selection);
  if (follow === true) return await watch(client, query, output, context);
  const { items } = await client.get<Listing>(`/v1/resources?${query}`);
  if (items.length === 0 && selection.name !== undefined) throw await notFound(selection, client);
  const ordered = kinds.flatMap((kind) => items.filter((item) => item.kind === kind));
  context.terminal.out(listText(ordered, output, context));
  if (ordered.length === 0 && (output === 'table' || output === 'wide')) {
    context.terminal.err(`there are no ${selection.kind ?? 'resource'}s\n`);
  }
  return exitCodes.ok;
}
