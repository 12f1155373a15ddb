import type { Step, StepOf } from '../../../adapters/adapter.ts';
import type { HostModel } from '../../../adapters/memory/host.ts';
import { endpointsOf } from '../../../adapters/memory/listeners.ts';
import {
  type ContainerSpec,
  type Key,
  type ListenerSpec,
  leaseKey,
  type NetworkInterface,
  type PoolSpec,
  poolKey,
} from '../../../state/resource.ts';
import { targetFindings } from './link-invariants.ts';
import type { Finding, Findings } from './problem.ts';
import { foreignBridge } from './random-state.ts';
import { mishapCodes, type SimulatedDevice } from './simulated-device.ts';

function interfacesOf(spec: ContainerSpec): readonly NetworkInterface[] {
  return spec.network.mode === 'pool' ? spec.network.interfaces : [];
}

type FaceInUse = NetworkInterface & { readonly container: string };

function facesOf(spec: ContainerSpec): readonly FaceInUse[] {
  return interfacesOf(spec).map((face) => ({ ...face, container: spec.name }));
}

/** Interfaces of containers that run, with the container's name. */
function facesInUse(host: HostModel): readonly FaceInUse[] {
  return [...host.containers.values()]
    .filter(({ pid }) => pid !== null && host.processes.has(pid))
    .flatMap(({ spec }) => facesOf(spec));
}

/**
 * What a step would break at the moment at which it is sent, while others are under way: nothing goes from under what
 * stands on it, and nothing is taken that another one has.
 */
export function stepFindings(host: HostModel, step: Step, underWay: readonly Step[]): Findings {
  const starting = underWay.flatMap((other) =>
    other.action === 'container.start' && other.spec.goal !== 'MOUNTED' ? facesOf(other.spec) : [],
  );
  const used = [...facesInUse(host), ...starting];
  const say = (rule: string, detail: string): Findings => [
    { rule, detail: `${step.action} ${step.key} was sent while ${detail}` },
  ];
  switch (step.action) {
    case 'pool.remove': {
      const user = used.find((face) => poolKey(face.pool) === step.key);
      return user === undefined
        ? []
        : say('no pool goes from under a container', `${user.container} is on it`);
    }
    case 'lease.release': {
      const user = used.find((face) => leaseKey(face.pool, face.container, face.name) === step.key);
      return user === undefined
        ? []
        : say('no lease goes from under a container', `${user.container} runs with it`);
    }
    case 'lease.reserve': {
      const rival = rivalOf(host, step.spec, underWay);
      return rival === undefined
        ? []
        : say('an address has one owner', `${rival.container} has ${rival.address}`);
    }
    case 'container.start':
      return interfacesOf(step.spec)
        .flatMap((face) => faceProblems(host, step.spec.name, face))
        .flatMap((detail) => say('a container starts on what is there', detail));
    case 'listener.ensure':
      return [
        ...rivalListeners(host, step, underWay).flatMap((rival) =>
          say('an address and port has one listener', `${rival} listens there`),
        ),
        ...(hasUse(step.spec)
          ? []
          : say('tcp that leads to nothing is not listened for', 'it leads to nothing')),
      ];
    case 'pool.ensure':
    case 'container.stop':
    case 'container.remove':
    case 'listener.remove':
    // What is known of containers when these are sent is judged with the controller's eyes: see link-invariants.ts.
    case 'link.ensure':
    case 'link.remove':
      return [];
  }
}

/** tcp without a backend has nothing to listen for. */
export function hasUse({ type, routes }: ListenerSpec): boolean {
  return type === 'http' || routes.every(({ backend }) => backend !== null);
}

/** Who listens, or is about to, at some address of this one. */
function rivalListeners(
  host: HostModel,
  { key, spec }: StepOf<'listener.ensure'>,
  underWay: readonly Step[],
): readonly Key[] {
  const endpoints = endpointsOf(spec);
  const beginning = underWay.flatMap((other) =>
    other.action === 'listener.ensure' && endpointsOf(other.spec).some((each) => endpoints.includes(each))
      ? [other.key]
      : [],
  );
  const listening = endpoints.flatMap((each) => host.sockets.get(each) ?? []);
  return [...listening, ...beginning].filter((other) => other !== key);
}

type Claim = Extract<Step, { readonly action: 'lease.reserve' }>['spec'];

/** Who has, or is about to have, the address that `wanted` speaks of. */
function rivalOf(host: HostModel, wanted: Claim, underWay: readonly Step[]): Claim | undefined {
  const reserving = underWay.flatMap((other) => (other.action === 'lease.reserve' ? [other.spec] : []));
  return [...[...host.leases.values()].map(({ spec }) => spec), ...reserving].find(
    (spec) =>
      spec.pool === wanted.pool &&
      spec.address === wanted.address &&
      (spec.container !== wanted.container || spec.interface !== wanted.interface),
  );
}

const linkOf = (spec: PoolSpec) => (spec.type === 'bridge' ? spec.bridge : spec.parent);

function faceProblems(host: HostModel, container: string, face: NetworkInterface): readonly string[] {
  const pool = host.pools.get(face.pool);
  if (pool === undefined || linkOf(pool.spec) !== face.link)
    return [`pool ${face.pool} is not on ${face.link}`];
  const lease = host.leases.get(leaseKey(face.pool, container, face.name));
  return lease?.spec.address === face.address ? [] : [`it has no lease of ${face.address}`];
}

/** What has to be so at every moment. */
export function lastingFindings(host: HostModel): Findings {
  return [...ownerFindings(host), ...foreignFindings(host), ...portFindings(host), ...targetFindings(host)];
}

/** Every address has one owner: among leases, and among those who run with it. */
function ownerFindings(host: HostModel): Findings {
  const findings: Finding[] = [];
  const rule = 'an address has one owner';
  const note = (owners: Map<string, string>, address: string, owner: string) => {
    const other = owners.get(address);
    if (other !== undefined) findings.push({ rule, detail: `${other} and ${owner} both have ${address}` });
    owners.set(address, owner);
  };
  const running = new Map<string, string>();
  for (const { pool, address, container } of facesInUse(host)) {
    note(running, `${address} of ${pool}`, container);
  }
  const leased = new Map<string, Key>();
  for (const [key, { spec }] of host.leases) note(leased, `${spec.address} of ${spec.pool}`, key);
  return findings;
}

function foreignFindings(host: HostModel): Findings {
  const rule = 'what is not ours stays as it is';
  const foreign = host.bridges.get(foreignBridge.name);
  if (foreign?.mark !== null) return [{ rule, detail: `${foreignBridge.name} is gone or ours` }];
  if (foreign.addresses.has(foreignBridge.address)) return [];
  return [{ rule, detail: `${foreignBridge.name} lacks ${foreignBridge.address}` }];
}

/** Nothing of ours listens where a process of somebody else does. */
function portFindings({ sockets, foreignPorts }: HostModel): Findings {
  const taken = [...foreignPorts.keys()];
  return [...sockets].flatMap(([endpoint, key]) =>
    taken.some((port) => endpoint.endsWith(`:${port}`))
      ? [{ rule: 'a port of another process is left alone', detail: `${key} listens at ${endpoint}` }]
      : [],
  );
}

/** What a step came to counts for what was desired when it was sent, and for nothing else. */
export function resultFindings(device: SimulatedDevice): Findings {
  const { board } = device.rig.engine;
  return [...board.troubled()].flatMap((key): Findings => {
    const { reason = '', phase = '' } = board.get(key) ?? {};
    const outcome = outcomes.find((known) => mishapCodes[known] === reason);
    const wanted = device.rig.store.desired(key)?.digest ?? null;
    if (outcome === undefined || device.hasEnded(outcome, key, wanted)) return [];
    const rule = 'a result counts for what its step was sent for';
    return [{ rule, detail: `${key} is ${phase} by ${reason}, which was about another spec` }];
  });
}

const outcomes = ['failed', 'conflict'] as const;
