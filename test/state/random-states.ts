import type { Json, JsonObject } from '../../state/json.ts';
import { pointerTo } from '../../state/pointer.ts';
import type { FlatState, StateChange } from '../../state/revision.ts';
import type { DesiredStore } from '../../state/store.ts';
import { deviceWith, runOf } from './revisions.ts';
import { bakedTexts, merging } from './stores.ts';

/** Whole numbers from 0 to `below` - 1. */
type Random = (below: number) => number;

const containerNames = ['a', 'b', 'c', 'd', 'e', 'f'] as const;

/** A state that is in order, whatever it makes of pools that are exhausted and addresses that are taken. */
export function randomState(random: Random): FlatState {
  const names = containerNames.filter(() => random(2) === 0);
  const runs = names.flatMap((name) => Object.entries(randomDocuments(random, name)));
  const spec = random(4) > 0 ? { '#spec': 'pantavisor-service-system@1' } : {};
  return { ...spec, 'device.json': randomDevice(random), ...Object.fromEntries(runs) };
}

/** Small pools, so that they are exhausted, and at times none. */
function randomDevice(random: Random): Json {
  const subnets = ['10.0.5.0/29', '10.0.5.0/30', '10.0.5.0/24'];
  const gateways = ['10.0.5.1', '10.0.5.2'];
  const one = { subnet: subnets[random(3)] ?? '', gateway: gateways[random(2)] ?? '', nat: random(2) === 0 };
  const pools = deviceWith({
    ...(random(5) > 0 ? { one } : {}),
    ...(random(3) > 0 ? { two: '10.0.9.0/30' } : {}),
  });
  return {
    ...(pools as JsonObject),
    ...(random(3) > 0 ? { groups: randomGroups(random) } : {}),
    ...(random(3) > 0 ? { ingress: randomIngress(random) } : {}),
  };
}

/** Rules of which no two collide, for services of any container, whether these are there or not. */
function randomIngress(random: Random): Json {
  const of = (): JsonObject => ({
    provider: [...containerNames, 'aa'][random(containerNames.length + 1)] ?? 'a',
    service: ['site', 'sit'][random(2)] ?? 'site',
  });
  const hosts = ['', '0.0.0.0', '10.0.0.1', '[::1]'];
  const http = ['', '/one', '/two'].map((path) => ({
    type: 'http',
    external: `${hosts[random(4)]}:80${path}`,
  }));
  const tcp = [22, 443].map((port) => ({ type: 'tcp', external: `${hosts[random(4)]}:${port}` }));
  const rules = [...http, ...tcp].filter(() => random(3) > 0);
  return rules.map((rule, index) => ({ name: `rule-${index}`, ...rule, ...of() }));
}

/** What a container can do without, of what others provide, whether these are there or not. */
function randomUses(random: Random): Json {
  const used = [...containerNames, 'aa'].filter(() => random(4) === 0);
  return { optional: used.map((name) => ({ name: `own-${name}`, role: `role-${random(2)}` })) };
}

/** What a container provides, in either form: its own service, and one that others have, too. */
function randomServices(random: Random, name: string): Json {
  const where = random(3) === 0 ? { socket: '/run/site.sock' } : { port: 80 + random(2) };
  const own = { name: `own-${name}`, type: 'unix', ...(random(4) > 0 ? { socket: '/run/own.sock' } : {}) };
  const site = random(4) === 0 ? [] : [{ name: 'site', type: 'rest', ...where }];
  const services = random(2) === 0 ? site : [...site, own];
  return random(2) === 0 ? services : { services };
}

/** All groups that a container may name, in any order, and at times one that none does. */
function randomGroups(random: Random): Json {
  const names = random(2) === 0 ? ['front', 'back'] : ['back', 'front'];
  if (random(3) === 0) names.splice(random(3), 0, 'nobody');
  return names.map((name) => ({ name, ...randomBelonging(random), timeout: 10 + random(2) }));
}

/** What a group and a container of it may both say. */
function randomBelonging(random: Random): JsonObject {
  return {
    ...(random(4) === 0 ? { restart_policy: ['system', 'container'][random(2)] ?? '' } : {}),
    ...(random(4) === 0 ? { status_goal: ['MOUNTED', 'STARTED', 'READY'][random(3)] ?? '' } : {}),
    ...(random(4) === 0 ? { auto_recovery: { policy: 'always', max_retries: random(3) } } : {}),
  };
}

/** The documents of a container, at times with an address in its own configuration. */
function randomDocuments(random: Random, name: string): Readonly<Record<string, Json>> {
  const sha256 = Object.keys(bakedTexts)[random(8)];
  if (sha256 === undefined) {
    const services = random(2) === 0 ? {} : { [`${name}/services.json`]: randomServices(random, name) };
    return { [`${name}/run.json`]: randomContainer(random, name), ...services };
  }
  return { [`${name}/run.json`]: runOf(name, null), [`${name}/lxc.container.conf`]: sha256 };
}

function randomContainer(random: Random, name: string): Json {
  const pool = ['one', 'one', 'two'][random(3)] ?? 'one';
  const hostname = random(4) === 0 ? { hostname: `host-${random(2)}` } : {};
  const address = random(3) === 0 ? { static_ip: `10.0.5.${random(8)}` } : {};
  const network = [null, { mode: 'host' }, { interfaces: [{ pool: 'one' }, { pool: 'two' }] }][random(8)];
  const group = ['front', 'back'][random(3)];
  const belonging = { ...randomBelonging(random), ...(group === undefined ? {} : { group }) };
  const uses = random(2) === 0 ? {} : { services: randomUses(random) };
  return runOf(name, network === undefined ? { pool, ...hostname, ...address } : network, {
    ...belonging,
    ...uses,
  });
}

/** A change that leaves what `store` desires in order. */
export function randomChange(random: Random, store: DesiredStore): StateChange {
  const name = containerNames[random(containerNames.length)] ?? 'a';
  const path = `${name}/run.json`;
  switch (random(6)) {
    case 0:
      return { type: 'replace', state: randomState(random) };
    case 1:
      return merging({ 'device.json': null });
    case 2:
      return {
        type: 'patch',
        operations: [{ op: 'add', path: '/device.json', value: randomDevice(random) }],
      };
    case 3:
      return merging({
        [path]: null,
        [`${name}/lxc.container.conf`]: null,
        [`${name}/services.json`]: null,
        [`_config/${name}/x.json`]: random(2) === 0 ? null : {},
      });
    default: {
      const before = store.flat();
      const documents = { 'c/run.json': before['c/run.json'] ?? null, ...randomDocuments(random, name) };
      const config = `${name}/lxc.container.conf`;
      const gone = Object.hasOwn(before, config) && !Object.hasOwn(documents, config) ? [config] : [];
      const operations = [
        ...gone.map((at) => ({ op: 'remove' as const, path: pointerTo(at) })),
        ...Object.entries(documents)
          .filter(([, value]) => value !== null)
          .map(([at, value]) => ({ op: 'add' as const, path: pointerTo(at), value })),
      ];
      return { type: 'patch', operations };
    }
  }
}
