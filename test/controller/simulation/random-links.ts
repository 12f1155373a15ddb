import type { Json } from '../../../state/json.ts';
import { oneIn, pick, type Random } from './random-choice.ts';

interface Documents {
  readonly [path: string]: Json;
}

/** Where every simulated container has the service that it provides to others. */
export const ownSocket = '/run/own.sock';

/** Where links may be wanted besides the usual place, and where containers put files of their own. */
export const contestedTargets = ['/run/a.sock', '/run/b.sock'] as const;

/** Of a service that one container alone provides, and so one of that name is required of nobody else. */
const ownService = (container: string): string => `own-${container}`;

/** What a container provides to others. */
export function ownServiceOf(random: Random, container: string): Json {
  const type = pick(random, ['unix', 'unix', 'rest', 'dbus', 'wayland']);
  return { name: ownService(container), type, socket: ownSocket };
}

/** A link that others have to their own services, at one of few places or none that is said. */
function randomRequirement(random: Random, provider: string, index: number): Json {
  const contested = contestedTargets[index];
  return {
    name: ownService(provider),
    ...(contested !== undefined && oneIn(random, 2) ? { target: contested } : {}),
    ...(oneIn(random, 4) ? { role: pick(random, ['root', 'operator']) } : {}),
  };
}

/**
 * What a container says of the services that it uses; nothing mostly. It requires only of those that come before it by their names, so that there
 * are few rings, and can do without those of anybody.
 */
export function randomRequirements(
  random: Random,
  name: string,
  containers: readonly [string, ...string[]],
): { readonly [member: string]: Json } {
  if (oneIn(random, 2)) return {};
  const before = containers.slice(0, containers.indexOf(name));
  const [first] = before;
  const required =
    first === undefined || oneIn(random, 4)
      ? []
      : [randomRequirement(random, pick(random, [first, ...before]), 0)];
  const optional = oneIn(random, 2) ? [randomRequirement(random, pick(random, containers), 1)] : [];
  return { services: { required, optional } };
}

interface Conduct {
  readonly group?: string;
  readonly status_goal?: string;
  readonly services?: { readonly required?: readonly Json[]; readonly optional?: readonly Json[] };
}

interface Group {
  readonly name: string;
  readonly status_goal?: string;
}

/** What of a revision decides whether a service can be had. */
class Offers {
  readonly #state: Documents;
  readonly #groups: readonly Group[];

  constructor(state: Documents) {
    this.#state = state;
    const { groups = [] } = (state['device.json'] ?? {}) as { readonly groups?: readonly Group[] };
    this.#groups = groups;
  }

  /** A container that starts as `run` says can require this: its provider is there, runs, and starts no later. */
  can(requirement: Json, run: Conduct): boolean {
    const { name } = requirement as { readonly name: string };
    const provider = name.slice(ownService('').length);
    const its = this.#state[`${provider}/run.json`] as Conduct | undefined;
    if (its === undefined || !JSON.stringify(this.#state[`${provider}/services.json`] ?? null).includes(name))
      return false;
    const goal = its.status_goal ?? this.#groups.find((group) => group.name === its.group)?.status_goal;
    return goal !== 'MOUNTED' && this.#rankOf(its) <= this.#rankOf(run);
  }

  #rankOf({ group }: Conduct): number {
    const rank = this.#groups.findIndex(({ name }) => name === group);
    return rank === -1 ? this.#groups.length : rank;
  }
}

/** The same revision, of which what can't be required can be done without mostly: one that is refused whole shows little. */
export function attainable<State extends Documents>(random: Random, state: State): State {
  const offers = new Offers(state);
  const documents = Object.entries(state).map(([path, document]) => {
    const run = document as Conduct;
    if (!path.endsWith('/run.json') || run.services === undefined || oneIn(random, 40))
      return [path, document] as const;
    const { required = [], optional = [] } = run.services;
    const lost = required.filter((requirement) => !offers.can(requirement, run));
    const services = {
      required: required.filter((requirement) => !lost.includes(requirement)),
      optional: [...optional, ...lost],
    };
    return [path, { ...run, services } as unknown as Json] as const;
  });
  return Object.fromEntries(documents) as State;
}
