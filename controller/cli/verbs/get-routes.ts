import type { RouteChange, RouteItem } from '../../api/contract.ts';
import type { ControllerClient } from '../client.ts';
import { type Context, clientFor } from '../context.ts';
import { DataPlane, routesNow, trafficNow } from '../data-plane.ts';
import { exitCodes } from '../failure.ts';
import { RouteListing } from '../render/route-table.ts';
import { json, jsonLine } from '../render/text.ts';
import { type RouteSelection, selectsRoute, unknownRoute } from '../route-selection.ts';
import type { GetOptions } from './get.ts';

type Output = GetOptions['output'];

/** What rules have carried is in wide tables alone. */
async function planeNow(client: ControllerClient, output: Output, { terminal }: Context): Promise<DataPlane> {
  return new DataPlane([], output === 'wide' ? await trafficNow(client, terminal) : null);
}

async function watch(
  client: ControllerClient,
  selection: RouteSelection,
  output: Output,
  context: Context,
): Promise<number> {
  const { terminal } = context;
  let listing = new RouteListing([], output === 'wide', terminal);
  const shown = new Set<string>();
  const lines = client.lines<{ readonly items: readonly RouteItem[] } | RouteChange>('/v1/routes?follow=1');
  for await (const line of lines) {
    const changes = 'items' in line ? line.items.map(changeTo) : [line];
    const selected = changes.filter((change) => isSelected(selection, change, shown));
    if (output === 'json') terminal.out(selected.map(jsonLine).join(''));
    else if (output === 'name') terminal.out(selected.map(({ rule }) => `${rule}\n`).join(''));
    else if ('items' in line) {
      listing = new RouteListing(itemsOf(selected), output === 'wide', terminal);
      terminal.out(listing.text(await planeNow(client, output, context)));
    } else {
      for (const change of selected)
        terminal.out(listing.change(change, await planeNow(client, output, context)));
    }
  }
  return exitCodes.ok;
}

const changeTo = (item: RouteItem): RouteChange => ({ listener: item.listener, rule: item.rule, item });
const itemsOf = (changes: readonly RouteChange[]): readonly RouteItem[] =>
  changes.flatMap(({ item }) => (item === null ? [] : [item]));

/** A rule that is gone, or leads elsewhere now, is still told of where it was shown before. */
function isSelected(
  selection: RouteSelection,
  { listener, rule, item }: RouteChange,
  shown: Set<string>,
): boolean {
  const id = `${listener} ${rule}`;
  if (item === null) return shown.delete(id);
  if (selectsRoute(selection, item)) shown.add(id);
  return shown.has(id);
}

function listText(items: readonly RouteItem[], output: Output, plane: DataPlane, context: Context): string {
  if (output === 'json') return json({ items });
  if (output === 'name') return items.map(({ rule }) => `${rule}\n`).join('');
  return items.length === 0 ? '' : new RouteListing(items, output === 'wide', context.terminal).text(plane);
}

/** Lists rules of ingress, one line each over all listeners, and with `watch` every change of them after that. */
export async function getRoutes(
  selection: RouteSelection,
  { output, watch: follow, socket }: GetOptions,
  context: Context,
): Promise<number> {
  using client = clientFor(socket === undefined ? {} : { socket }, context);
  if (follow === true) return await watch(client, selection, output, context);
  const all = await routesNow(client);
  const items = all.filter((item) => selectsRoute(selection, item));
  if (items.length === 0 && selection.name !== undefined) throw unknownRoute(selection.name, all);
  const plane = items.length === 0 ? new DataPlane([], null) : await planeNow(client, output, context);
  context.terminal.out(listText(items, output, plane, context));
  if (items.length === 0 && (output === 'table' || output === 'wide'))
    context.terminal.err('there are no routes\n');
  return exitCodes.ok;
}
