import { nearestNames } from '../../../state/nearest-name.ts';
import { kinds } from '../../../state/resource.ts';
import type { ResourceChange, ResourceItem, RouteChange, RouteItem } from '../../api/contract.ts';
import { namesOf } from '../../resource-names.ts';
import type { ControllerClient } from '../client.ts';
import { type Context, clientFor, type SocketOption } from '../context.ts';
import { DataPlane, emptyPlane, isCarried, routesNow, trafficNow } from '../data-plane.ts';
import { CliFailure, exitCodes } from '../failure.ts';
import { readSelection, type Selection, selectionQuery } from '../kinds.ts';
import { merged } from '../merged.ts';
import { ResourceListing } from '../render/resource-listing.ts';
import { json, jsonLine } from '../render/text.ts';
import { readRouteSelection } from '../route-selection.ts';
import { WatchedListing } from '../watched-listing.ts';

/** Options of `get`. */
export interface GetOptions extends SocketOption {
  readonly output: 'table' | 'wide' | 'json' | 'name';
  readonly watch?: boolean;
}

interface Listing {
  readonly items: readonly ResourceItem[];
}

/** First all rules, then each that changes. */
type RouteLine = { readonly items: readonly RouteItem[] } | RouteChange;

/** A CliFailure for a name that no resource of the selection has, with the names that are most like it. */
async function notFound({ kind, name = '' }: Selection, client: ControllerClient): Promise<CliFailure> {
  const { items } = await client.get<Listing>(
    `/v1/resources?${selectionQuery(kind === undefined ? {} : { kind })}`,
  );
  const known = new Set(items.flatMap(namesOf));
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
  plane: DataPlane,
  { terminal }: Context,
): string {
  if (output === 'json') return json({ items });
  if (output === 'name') return items.map(({ key }) => `${key}\n`).join('');
  return new ResourceListing(items, { wide: output === 'wide', terminal, plane }).text();
}

const isTable = (output: GetOptions['output']): boolean => output === 'table' || output === 'wide';

/** What a table shows beside its listeners and links; nothing is asked where it shows none of that. */
async function planeNow(
  client: ControllerClient,
  items: readonly ResourceItem[],
  output: GetOptions['output'],
  { terminal }: Context,
): Promise<DataPlane> {
  if (!isTable(output)) return emptyPlane;
  const routes = items.some(({ kind }) => kind === 'listener') ? await routesNow(client) : [];
  const traffic = output === 'wide' && items.some(isCarried) ? await trafficNow(client, terminal) : null;
  return new DataPlane(routes, traffic);
}

/** The stream of a selection: all that is there, then each change. */
function resourceLines(
  client: ControllerClient,
  selection: Selection,
): AsyncGenerator<Listing | ResourceChange, void> {
  return client.lines(`/v1/resources?${selectionQuery(selection)}&follow=1`);
}

async function watchTable(
  client: ControllerClient,
  selection: Selection,
  wide: boolean,
  { terminal }: Context,
): Promise<number> {
  const options = { client, wide, terminal };
  const resources = resourceLines(client, selection);
  if (selection.kind !== undefined && selection.kind !== 'listener') {
    const listing = new WatchedListing([], options);
    for await (const line of resources) await listing.show(line);
    return exitCodes.ok;
  }
  const routes = client.lines<RouteLine>('/v1/routes?follow=1');
  const { value: first } = await routes.next();
  const listing = new WatchedListing(first !== undefined && 'items' in first ? first.items : [], options);
  for await (const line of merged(resources, routes as AsyncGenerator<RouteChange, void>))
    await listing.show(line);
  return exitCodes.ok;
}

async function watchData(
  client: ControllerClient,
  selection: Selection,
  output: GetOptions['output'],
  { terminal }: Context,
): Promise<number> {
  for await (const line of resourceLines(client, selection)) {
    const changes =
      'items' in line ? line.items.map((item): ResourceChange => ({ key: item.key, item })) : [line];
    if (output === 'json') terminal.out(changes.map(jsonLine).join(''));
    else terminal.out(changes.map(({ key }) => `${key}\n`).join(''));
  }
  return exitCodes.ok;
}

async function getResources(
  selection: Selection,
  { output, watch: follow, socket }: GetOptions,
  context: Context,
): Promise<number> {
  using client = clientFor(socket === undefined ? {} : { socket }, context);
  if (follow === true) {
    return isTable(output)
      ? await watchTable(client, selection, output === 'wide', context)
      : await watchData(client, selection, output, context);
  }
  const { items } = await client.get<Listing>(`/v1/resources?${selectionQuery(selection)}`);
  if (items.length === 0 && selection.name !== undefined) throw await notFound(selection, client);
  const ordered = kinds.flatMap((kind) => items.filter((item) => item.kind === kind));
  const plane = await planeNow(client, ordered, output, context);
  context.terminal.out(listText(ordered, output, plane, context));
  if (ordered.length === 0 && isTable(output)) {
    context.terminal.err(`there are no ${selection.kind ?? 'resource'}s\n`);
  }
  return exitCodes.ok;
}

/** Lists resources, or rules of ingress, and with `watch` every change of them after that. */
export async function get(
  kindWord: string,
  name: string | undefined,
  options: GetOptions,
  context: Context,
): Promise<number> {
  const routes = readRouteSelection(kindWord, name);
  if (routes === null) return await getResources(readSelection(kindWord, name), options, context);
  return await (await import('./get-routes.ts')).getRoutes(routes, options, context);
}
