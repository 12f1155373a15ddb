import { type Context, clientFor, type SocketOption } from '../context.ts';
import { exitCodes } from '../failure.ts';
import { findResource, readResourceName } from '../find-resource.ts';
import { Ingress, noIngress, trafficNow } from '../ingress.ts';
import { descriptionText } from '../render/description-text.ts';
import { routeText } from '../render/route-text.ts';
import { json } from '../render/text.ts';
import { findRoute, type RouteSelection, readRouteSelection } from '../route-selection.ts';

/** Options of `describe`. */
export interface DescribeOptions extends SocketOption {
  readonly output: 'text' | 'json';
}

/** What has been carried is looked up beside the description: it is in no record of the controller. */
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
  const isListener = description.kind === 'listener';
  const all = isListener ? await trafficNow(client, terminal) : null;
  const traffic = all?.rules.filter(({ listener }) => listener === description.key) ?? null;
  const ingress = isListener ? new Ingress(description.routes ?? [], all) : noIngress;
  terminal.out(
    options.output === 'json'
      ? json(isListener ? { ...description, traffic, proxy: ingress.proxy } : description)
      : descriptionText(description, ingress, terminal),
  );
  return exitCodes.ok;
}

async function describeRoute(
  selection: RouteSelection,
  options: DescribeOptions,
  context: Context,
): Promise<number> {
  const { terminal } = context;
  using client = clientFor(options, context);
  const item = await findRoute(client, 'describe', selection);
  const ingress = new Ingress([item], await trafficNow(client, terminal));
  const traffic = ingress.trafficOf(item.listener, item.rule);
  terminal.out(options.output === 'json' ? json({ ...item, traffic }) : routeText(item, ingress, terminal));
  return exitCodes.ok;
}

/** Shows everything about one resource or one rule of ingress; a lease may be named by its container where it has one alone. */
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
