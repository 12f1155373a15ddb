import type { Traffic } from '../../../adapters/adapter.ts';
import type { ResourceDescription } from '../../api/contract.ts';
import { type Context, clientFor, type SocketOption } from '../context.ts';
import { DataPlane, isCarried, trafficNow } from '../data-plane.ts';
import { exitCodes } from '../failure.ts';
import { findResource, readResourceName } from '../find-resource.ts';
import { descriptionText } from '../render/description-text.ts';
import { routeText } from '../render/route-text.ts';
import { json } from '../render/text.ts';
import { findRoute, type RouteSelection, readRouteSelection } from '../route-selection.ts';

/** Options of `describe`. */
export interface DescribeOptions extends SocketOption {
  readonly output: 'text' | 'json';
}

/** What was carried is looked up beside the description: it is in no record of the controller. */
async function describeResource(
  kindWord: string,
  name: string | undefined,
  options: DescribeOptions,
  context: Context,
): Promise<number> {
  const { terminal } = context;
  const selection = readResourceName('describe', kindWord, name);
  using client = clientFor(options, context);
  const description = await findResource(client, selection);
  const traffic = isCarried(description) ? await trafficNow(client, terminal) : null;
  const plane = new DataPlane(description.routes ?? [], traffic);
  terminal.out(
    options.output === 'json'
      ? json({ ...description, ...carriedOf(description, traffic) })
      : descriptionText(description, plane, terminal),
  );
  return exitCodes.ok;
}

/** What of `traffic` goes over one resource, as it stands beside its description; null where that is not known. */
function carriedOf({ kind, key }: ResourceDescription, traffic: Traffic | null): object {
  switch (kind) {
    case 'listener': {
      const rules = traffic?.rules.filter(({ listener }) => listener === key) ?? null;
      return { traffic: rules, proxy: traffic?.proxy ?? null };
    }
    case 'link':
      return { traffic: traffic?.links.find(({ link }) => link === key) ?? null };
    default:
      return {};
  }
}

async function describeRoute(
  selection: RouteSelection,
  options: DescribeOptions,
  context: Context,
): Promise<number> {
  const { terminal } = context;
  using client = clientFor(options, context);
  const item = await findRoute(client, 'describe', selection);
  const plane = new DataPlane([item], await trafficNow(client, terminal));
  const traffic = plane.trafficOf(item.listener, item.rule);
  terminal.out(options.output === 'json' ? json({ ...item, traffic }) : routeText(item, plane, terminal));
  return exitCodes.ok;
}

/** Shows everything about one resource or one rule of ingress; any name will do that no other resource of the kind has. */
export async function describe(
  kindWord: string,
  name: string | undefined,
  options: DescribeOptions,
  context: Context,
): Promise<number> {
  const route = readRouteSelection(kindWord, name);
  return route === null
    ? await describeResource(kindWord, name, options, context)
    : await describeRoute(route, options, context);
}
