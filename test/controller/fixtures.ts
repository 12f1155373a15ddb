import type { ResourceDescription, ResourceItem, RevisionEntry } from '../../controller/api/contract.ts';
import type { Json } from '../../state/json.ts';
import { type Key, kindOf, nameOf, type SpecByKind } from '../../state/resource.ts';
import type { TrialFailure } from '../../state/revision.ts';
import type { EventRecord, Phase } from '../../state/status.ts';

/** A bridge pool. */
export const internalPool: SpecByKind['pool'] = {
  type: 'bridge',
  name: 'internal',
  bridge: 'br0',
  subnet: '10.0.5.0/24',
  gateway: '10.0.5.1',
  nat: true,
  isolated: true,
};

/** The lease of `web` in `internalPool`. */
export const webLease: SpecByKind['lease'] = {
  pool: 'internal',
  container: 'web',
  interface: 'eth0',
  address: '10.0.5.2',
  prefix: 24,
  mac: '02:00:0a:00:05:02',
  names: ['web'],
  static: false,
};

/** A container on `internalPool`. */
export const webContainer: SpecByKind['container'] = {
  name: 'web',
  hostname: 'web',
  root: { type: 'directory', path: '/srv/web' },
  persistence: 'permanent',
  network: {
    mode: 'pool',
    interfaces: [
      {
        name: 'eth0',
        pool: 'internal',
        type: 'veth',
        link: 'br0',
        address: '10.0.5.2',
        prefix: 24,
        gateway: '10.0.5.1',
        mac: '02:00:0a:00:05:02',
      },
    ],
  },
  config: [],
  files: [],
  goal: 'STARTED',
  system: null,
};

/** A group that has two minutes. */
export const appGroup: SpecByKind['group'] = { name: 'app', rank: 1, timeoutMs: 120_000 };

/** A resource as it is listed. */
export function item(
  key: Key,
  spec: object,
  phase: Phase = 'Ready',
  message = 'as desired',
  facts: object = {},
): ResourceItem {
  const json = spec as unknown as Json;
  return {
    key,
    kind: kindOf(key),
    name: nameOf(key),
    phase,
    reason: phase === 'Ready' ? 'AsDesired' : `${phase}Reason`,
    message,
    revision: 7,
    spec: json,
    observed:
      phase === 'Ready' ? { spec: json, digest: 'd', drift: [], facts: facts as unknown as Json } : null,
  };
}

/** The three resources of a pool with one container. */
export const webItems: readonly ResourceItem[] = [
  item('pool/internal', internalPool, 'Ready', 'as desired', { adopted: false }),
  item('lease/internal/web/eth0', webLease),
  item('container/web', webContainer, 'Ready', 'as desired', {
    running: true,
    pid: 4242,
    ready: false,
    exit: null,
  }),
];

/** An event of the container `web`. */
export function event(sequence: number, message = 'started'): EventRecord {
  return {
    sequence,
    at: Date.UTC(2026, 10, 22, 2, 0, sequence),
    key: 'container/web',
    severity: 'normal',
    reason: 'StepSucceeded',
    message,
    cause: { trigger: { type: 'revision', revision: 7 }, via: ['pool/internal'] },
  };
}

/** Everything about the container `web`, which waits for its pool. */
export const waitingWeb: ResourceDescription = {
  ...item('container/web', webContainer, 'Waiting', 'waits for pool/internal'),
  why: 'container/web is Waiting: pool/internal is Blocked: the subnet 10.0.5.0/24 is a route of this host already',
  status: {
    phase: 'Waiting',
    reason: 'WaitingFor',
    message: 'waits for pool/internal',
    since: Date.UTC(2026, 10, 22, 2, 0, 0),
    attempts: 0,
    revision: 7,
    cause: { trigger: { type: 'revision', revision: 7 }, via: ['pool/internal'] },
    waitsFor: ['pool/internal'],
  },
  pointers: ['/web~1run.json'],
  dependsOn: [{ key: 'pool/internal', phase: 'Blocked' }],
  dependents: [],
  lifecycle: { group: 'app', rank: 1, recovery: null },
  events: [event(1, 'waits for pool/internal')],
};

/** How a trial failed in which `web` exited. */
export const webExited: TrialFailure = {
  code: 'ContainerExited',
  key: 'container/web',
  message: "container 'web' exited with code 3\npanic: no configuration\nexiting",
  at: Date.UTC(2026, 10, 22, 2, 10, 5),
};

/** One line of a history: DONE, accepted two minutes after two on 22 November for number 2, and so on. */
export function entry(revision: number, fields: Partial<RevisionEntry> = {}): RevisionEntry {
  const at = Date.UTC(2026, 10, 22, 2, revision, 0);
  return {
    revision,
    digest: `d${revision}`,
    source: './revision',
    message: null,
    at,
    phase: 'DONE',
    endedAt: at + 10_000,
    failure: null,
    attempts: 1,
    desired: false,
    kept: true,
    ...fields,
  };
}
