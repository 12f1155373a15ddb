import type { Json } from '../../../state/json.ts';
import { oneIn, pick, type Random } from './random-choice.ts';
import { ownServiceOf } from './random-links.ts';

type Document = { readonly [member: string]: Json };

/** Ports that rules ask for by their types mostly; the first of them is asked for by all of http. */
const httpPort = 80;
const tcpPorts = [2200, 2201, 2202, 2203, 2204] as const;

/** Ports at which processes that are not ours come to listen. */
export const contestedPorts = [httpPort, tcpPorts[0], tcpPorts[1]] as const;

const ruleNames = ['r0', 'r1', 'r2', 'r3', 'r4'] as const;

/** A services.json in either of its forms: every service mostly, else some (ING-7). */
export function randomServices(random: Random, container: string): Json {
  const services: readonly Json[] = [
    { name: 'web', type: 'rest', port: pick(random, [8080, 8080, 8081]) },
    { name: 'raw', type: 'tcp', port: 22 },
    { name: 'sock', type: 'unix', socket: '/run/sock' },
    ownServiceOf(random, container),
  ];
  const some = services.filter(() => !oneIn(random, 12));
  return oneIn(random, 2) ? some : { services: some };
}

/** A rule of a place of its own mostly, so that few collide, on an address of any kind. */
function randomRule(random: Random, name: string, providers: readonly [string, ...string[]]): Json {
  const own = ruleNames.indexOf(name as (typeof ruleNames)[number]);
  const host = oneIn(random, 3) ? pick(random, ['0.0.0.0', '[::]', '10.1.1.1', '[fd00::1]']) : '';
  const backend = {
    provider: oneIn(random, 20) ? 'nobody' : pick(random, providers),
    service: oneIn(random, 20) ? 'nothing' : pick(random, ['web', 'web', 'raw', 'sock']),
  };
  if (oneIn(random, 3)) {
    const port = oneIn(random, 25) ? pick(random, [httpPort, ...tcpPorts]) : (tcpPorts[own] ?? tcpPorts[0]);
    return { name, type: 'tcp', external: `${host}:${port}`, ...backend };
  }
  const path = oneIn(random, 10) ? pick(random, ['', '/r0', '/r1/deep']) : `/${name}`;
  const more = oneIn(random, 6) ? { host: pick(random, ['a.example', '*.example']) } : {};
  return {
    name,
    type: 'http',
    external: `${host}:${httpPort}${path}`,
    ...backend,
    ...more,
    ...(oneIn(random, 6) ? { keepPrefix: true } : {}),
  };
}

/** Some rules, or none. */
export function randomIngress(random: Random, providers: readonly [string, ...string[]]): readonly Json[] {
  if (oneIn(random, 3)) return [];
  return ruleNames.filter(() => oneIn(random, 2)).map((name) => randomRule(random, name, providers));
}

/** The same rules, but for one that comes, goes or is another one. */
export function changedIngress(
  random: Random,
  rules: readonly Json[],
  providers: readonly [string, ...string[]],
): readonly Json[] {
  const name = pick(random, ruleNames);
  const others = rules.filter((rule) => (rule as Document).name !== name);
  const isThere = others.length < rules.length;
  return isThere && oneIn(random, 2) ? others : [...others, randomRule(random, name, providers)];
}
