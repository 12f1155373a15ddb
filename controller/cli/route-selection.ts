import { nearestNames } from '../../state/nearest-name.ts';
import { nameOf } from '../../state/resource.ts';
import type { RouteItem } from '../api/contract.ts';
import type { ControllerClient } from './client.ts';
import { routesNow } from './data-plane.ts';
import { CliFailure, exitCodes } from './failure.ts';

/** Which rules of ingress a person asks for. */
export interface RouteSelection {
  /** Of the rule itself, of its listener, its provider or its service; all rules where it is not given. */
  readonly name?: string;
}

/** `routes api`, `route/api`: the rules that `words` ask for; null where they ask for something else. */
export function readRouteSelection(word: string, name: string | undefined): RouteSelection | null {
  const [kind = '', inWord] = /^([^/]*)\/(.*)$/.exec(word)?.slice(1) ?? [word];
  if (!/^routes?$/i.test(kind)) return null;
  const asked = name ?? inWord;
  return asked === undefined ? {} : { name: asked };
}

/** What a rule may be found by, its own name first. */
const namesOf = ({ rule, listener, provider, service }: RouteItem): readonly string[] => [
  rule,
  nameOf(listener),
  provider,
  service,
];

/** Whether a rule is among those that are asked for. */
export function selectsRoute({ name }: RouteSelection, item: RouteItem): boolean {
  return name === undefined || namesOf(item).includes(name);
}

/** A CliFailure for a name that no rule has, with those that are most like it. */
export function unknownRoute(name: string, items: readonly RouteItem[]): CliFailure {
  const near = nearestNames(name, new Set(items.flatMap(namesOf))).map((each) => `'${each}'`);
  return new CliFailure(
    exitCodes.notFound,
    `there is no route '${name}'`,
    near.length === 0 ? undefined : `did you mean ${near.join(' or ')}?`,
  );
}

/** The one rule of that name. Throws a CliFailure for none, and where no name is given. */
export async function findRoute(
  client: ControllerClient,
  verb: string,
  { name }: RouteSelection,
): Promise<RouteItem> {
  if (name === undefined) {
    const hint = `as in 'holdfast ${verb} route web'; 'holdfast get routes' lists them`;
    throw new CliFailure(exitCodes.usage, `${verb} needs the name of a rule`, hint);
  }
  const items = await routesNow(client);
  // While a rule moves to another listener it is there twice; the one that stays is not on its way out.
  const found = items.filter(({ rule }) => rule === name);
  const [first] = [...found.filter(({ pointer }) => pointer !== null), ...found];
  if (first === undefined) throw unknownRoute(name, items);
  return first;
}
