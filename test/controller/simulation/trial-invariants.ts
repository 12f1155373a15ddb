import type { Fact } from '../../../controller/input.ts';
import { containerKey, type Key, leaseKey, nameOf } from '../../../state/resource.ts';
import type { HeldLease, StateChange } from '../../../state/revision.ts';
import type { Rig } from '../rig.ts';
import type { Finding, Findings } from './problem.ts';
import { randomObjects } from './random-state.ts';
import type { SimulatedDevice } from './simulated-device.ts';

const keyOf = ({ pool, container, interface: name }: HeldLease): Key => leaseKey(pool, container, name);

function byKey(leases: readonly HeldLease[]): ReadonlyMap<Key, string> {
  return new Map(leases.map((lease) => [keyOf(lease), lease.address]));
}

function textOf(leases: readonly HeldLease[]): string {
  return JSON.stringify([...byKey(leases)].sort());
}

/** What has to be so of a trial whenever the controller has nothing more to do at once. */
export function trialFindings(device: SimulatedDevice): Findings {
  // What a disk has that failed is known when it is opened again.
  if (device.isDiskSuspect) return [];
  return device.rig.store.onTrial ? newcomerFindings(device) : leaseFindings(device);
}

/** Leases are those of the committed revision, byte for byte, before a trial and after a rollback (LEASE-4). */
function leaseFindings({ rig, log }: SimulatedDevice): Findings {
  const [desired, kept] = [textOf(rig.store.leases()), textOf(log.leases())];
  if (desired === kept) return [];
  return [{ rule: 'leases are those on disk', detail: `desired are ${desired}, on disk ${kept}` }];
}

/** A pool with so few addresses may run out of them: then those of the committed revision are given away. */
const scarce = '10.0.20.';

/** What a trial drops it may need again: nobody new gets it who would be content with another one (LEASE-4). */
function newcomerFindings({ rig, log }: SimulatedDevice): Findings {
  const committed = byKey(log.leases());
  const owners = new Map(log.leases().map((lease) => [`${lease.pool} ${lease.address}`, keyOf(lease)]));
  return rig.store.leases().flatMap((lease): readonly Finding[] => {
    const key = keyOf(lease);
    const owner = owners.get(`${lease.pool} ${lease.address}`);
    const spec = rig.store.desired(key)?.spec;
    const asked = spec !== undefined && 'static' in spec && spec.static;
    if (owner === undefined || owner === key || committed.get(key) === lease.address || asked) return [];
    if (lease.address.startsWith(scarce)) return [];
    return [
      { rule: 'a trial gives no committed lease away', detail: `${key} got ${lease.address} of ${owner}` },
    ];
  });
}

/** A revision is committed when all of it is as desired, but for what is tolerated (ROLL-2, ING-4, LINK-1). */
export function verdictFindings({ rig }: SimulatedDevice, fact: Fact): Findings {
  if (fact.type !== 'verdict') return [];
  const { board } = rig.engine;
  const isOptional = (key: Key) => rig.store.desired(key)?.optional === true;
  const { phase: end, failure } = fact.verdict;
  const by = failure?.key ?? null;
  if (end !== 'DONE') {
    if (by === null || !isOptional(by)) return [];
    return [{ rule: 'no trial fails by what is tolerated', detail: `${by} is optional` }];
  }
  return [...board.troubled()]
    .filter((key) => !toleratedCodes.includes(board.get(key)?.reason ?? '') && !isOptional(key))
    .map((key) => {
      const { phase, reason } = board.get(key) ?? {};
      const detail = `revision ${fact.verdict.revision} is DONE, and ${key} is ${phase} by ${reason}`;
      return { rule: 'what is committed is as desired', detail };
    });
}

/** Rules of ingress that lead to nothing are left out (ING-4). */
const toleratedCodes: readonly string[] = ['ServiceNotFound', 'ProviderUnreachable'];

/** What has to be so when a device has been left alone in fair weather: no trial is without an end, and no end without a reason. */
export function endFindings({ rig, log, isDiskSuspect }: SimulatedDevice): Findings {
  const findings: Finding[] = [];
  const { trial } = rig.engine.rollout;
  if (trial !== null && trial.failure === null)
    findings.push({ rule: 'every trial ends', detail: `revision ${trial.revision} is ${trial.phase}` });
  for (const { revision, phase, failure } of log.revisions()) {
    if (failure !== null && toleratedCodes.includes(failure.code))
      findings.push({
        rule: 'no trial fails by what is tolerated',
        detail: `revision ${revision} failed by ${failure.code}`,
      });
    if (phase === 'ERROR' && (failure === null || failure.message === ''))
      findings.push({ rule: 'every failure has a reason', detail: `revision ${revision} has none` });
    // The newest may have ended without its end being saved: the next revision or start says it.
    const open = phase === 'INPROGRESS' && revision !== log.trying;
    if (open && !isDiskSuspect)
      findings.push({ rule: 'every trial ends', detail: `revision ${revision} has none` });
  }
  return findings;
}

/** What one revision on trial found and what it left: pids, and everything of ours that is observed, without pids. */
export interface Snapshot {
  readonly revision: number;
  readonly pids: ReadonlyMap<string, { readonly digest: string; readonly pid: number }>;
  readonly resources: ReadonlyMap<Key, string>;
  readonly allReady: boolean;
}

export function snapshotOf({ rig, host }: SimulatedDevice): Snapshot {
  const running = [...host.containers].flatMap(([name, { digest, pid }]) =>
    pid === null || !host.processes.has(pid) ? [] : [[name, { digest, pid }] as const],
  );
  const pools = [...host.pools].map(([name, pool]) => [`pool/${name}`, JSON.stringify(pool)] as const);
  const leases = [...host.leases].map(([key, lease]) => [key, JSON.stringify(lease)] as const);
  const bridges = [...host.bridges].map(
    ([name, { mark, up, addresses }]) =>
      [`bridge ${name}`, JSON.stringify({ mark, up, addresses: [...addresses].sort() })] as const,
  );
  const listeners = [...host.listeners].map(([key, listener]) => [key, JSON.stringify(listener)] as const);
  const sockets = [...host.sockets].map(([endpoint, key]) => [`socket ${endpoint}`, key] as const);
  // One that is optional may not have been had before, and be there after.
  const links = [...host.serviceLinks].flatMap(([key, { spec, digest }]) =>
    rig.store.desired(key)?.optional === true ? [] : [[key, JSON.stringify({ spec, digest })] as const],
  );
  const rules = [...host.masquerade].map(([name, subnet]) => [`rule ${name}`, subnet] as const);
  return {
    revision: rig.engine.revision,
    pids: new Map(running),
    resources: new Map([
      ...[...pools, ...leases, ...bridges, ...rules],
      ...[...listeners, ...sockets, ...links],
    ] as (readonly [Key, string])[]),
    allReady: rig.engine.board.awaited().size === 0,
  };
}

/** Digests that a change would want of containers: those desired now, where it is refused. */
export function wishesOf({ store }: Rig, change: StateChange): ReadonlyMap<string, string> {
  const { changes } = store.propose(change, randomObjects);
  const keys = new Set([...store.keys(), ...changes.keys()]);
  return new Map(
    [...keys].flatMap((key) => {
      const desired = changes.has(key) ? changes.get(key) : store.desired(key);
      return desired?.kind === 'container' ? [[nameOf(key), desired.digest] as const] : [];
    }),
  );
}

/**
 * After a trial that began at rest: what it did not change keeps its process (CTR-7); where it did not hold, all that was there
 * before is there again, and only what it changed was started again (ROLL-7).
 */
export function aftermathFindings(
  before: Snapshot,
  tried: ReadonlyMap<string, string>,
  device: SimulatedDevice,
): Findings {
  const after = snapshotOf(device);
  const back = after.revision === before.revision;
  const findings: Finding[] = [];
  for (const [name, { digest, pid }] of before.pids) {
    const now = after.pids.get(name);
    const untouched = tried.get(name) === digest && wanted(device, name) === digest;
    if (untouched && now?.pid !== pid)
      findings.push({
        rule: 'what does not change is not restarted',
        detail: `${name} had ${pid}, has ${now?.pid}`,
      });
  }
  if (!back || !before.allReady) return findings;
  return [...findings, ...differences(before.resources, after.resources)];
}

function wanted({ rig }: SimulatedDevice, name: string): string | undefined {
  return rig.store.desired(containerKey(name))?.digest;
}

function differences(before: ReadonlyMap<Key, string>, after: ReadonlyMap<Key, string>): Findings {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((key) => {
    const [was, is] = [before.get(key), after.get(key)];
    return was === is
      ? []
      : [{ rule: 'a rollback restores what was there before', detail: `${key} was ${was}, is ${is}` }];
  });
}
