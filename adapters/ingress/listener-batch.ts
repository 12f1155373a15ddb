import { isDeepStrictEqual } from 'node:util';
import { type Conflict, type Key, type ListenerSpec, listenerKey } from '../../state/resource.ts';
import type { StepError, StepOf } from '../adapter.ts';
import { CommandError } from '../linux/command.ts';
import type { After } from '../linux/network-monitor.ts';
import type { PortForwarding } from '../linux/port-forwarding.ts';
import type { PortOwner } from '../linux/port-owners.ts';
import { parentOf } from '../linux/process-parent.ts';
import type { ProviderSockets } from '../linux/provider-sockets.ts';
import { failureCode } from '../linux/timed-commands.ts';
import { type Proxy as HostProxy, ProxyError, type ProxyProcess } from '../proxy/proxy.ts';
import type { Hands } from './carriage.ts';
import { endpointsOf, hostAddresses, refusalOf } from './endpoints.ts';
import type { ListenerRecord, ListenerRecords } from './listener-records.ts';
import { carriagesOf } from './listener-sight.ts';

export type ListenerStep = StepOf<'listener.ensure'> | StepOf<'listener.remove'>;

export interface ListenerBatchParts {
  readonly records: ListenerRecords;
  readonly proxy: HostProxy;
  readonly forwarding: PortForwarding;
  readonly sockets: ProviderSockets;
  readonly hands: Hands;
  /** The first of this controller: what an earlier one may have left is looked at, too. */
  readonly isFirst: boolean;
  /** The clock's. */
  readonly after: After;
  /** Processes of the host that listen on some of these ports. */
  readonly owners: (ports: ReadonlySet<number>) => Promise<readonly PortOwner[]>;
}

/** Why a step did not end well. */
export type Failure = { readonly conflict: Conflict } | { readonly error: StepError };

type Records = ReadonlyMap<Key, ListenerRecord>;

/** What can't be had on this host, whoever asks again (ENG-8). */
const conflictCodes: readonly string[] = ['PortTaken', 'AddressNotHere', 'PortForbidden'];

/**
 * Carries out the steps of several listeners at once: what is to be on file, then one configuration of the proxy, then one transaction
 * of rules, then what is not any more off the file. Steps that this host refuses disturb nothing and keep no other from its end.
 * Resolves to why steps did not end well.
 */
export async function runListenerBatch(
  steps: readonly ListenerStep[],
  parts: ListenerBatchParts,
): Promise<ReadonlyMap<Key, Failure>> {
  const before = parts.records.all();
  const process = await answeringProcess(parts);
  const failures = new Map<Key, Failure>(await refusals(steps, before, process, parts));
  let wanted = recordsAfter(before, steps, failures);
  // What goes stays on file until it has gone.
  parts.records.replace(new Map([...before, ...wanted]));
  const refuse = (key: Key, failure: Failure): void => {
    failures.set(key, failure);
    wanted = recordsAfter(before, steps, failures);
  };
  const general = await act(() => wanted, before, process, parts, refuse);
  if (general !== null) {
    for (const { key } of steps) if (!failures.has(key)) failures.set(key, general);
    return failures;
  }
  parts.records.replace(wanted);
  return failures;
}

/** Between two questions to a proxy that did not answer: it may just be starting anew. */
const patienceMs = 1_000;

/** What we lack ourselves says nothing of the proxy. */
const ownShortages: readonly (string | undefined)[] = ['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS', 'ENOSPC'];

/**
 * The proxy's process, once it answers. One that is asked twice and can't be talked to is ended, with its connections: nothing that it serves could
 * ever be changed or taken away. Rejects where it is we who can't talk.
 */
async function answeringProcess({ proxy, after }: ListenerBatchParts): Promise<ProxyProcess | null> {
  for (const isLast of [false, true]) {
    try {
      return await proxy.observe();
    } catch (error) {
      if (ownShortages.includes((error as NodeJS.ErrnoException).code)) throw error;
      // What it was is told as drift by who looks.
      if (isLast) await proxy.serve([]);
      else await new Promise<void>((resolve) => after(patienceMs, resolve));
    }
  }
  return null;
}

/** Records as they are when those steps are done that did not fail; one that failed leaves what was there. */
function recordsAfter(
  before: Records,
  steps: readonly ListenerStep[],
  failures: ReadonlyMap<Key, Failure>,
): Records {
  const records = new Map(before);
  for (const step of steps) {
    if (failures.has(step.key)) continue;
    if (step.action === 'listener.remove') records.delete(step.key);
    else records.set(step.key, { spec: step.spec, digest: step.digest });
  }
  return records;
}

/** Listeners that would take what another process has, or what is not there. Those that only change what is behind them are not asked. */
async function refusals(
  steps: readonly ListenerStep[],
  before: Records,
  process: ProxyProcess | null,
  parts: ListenerBatchParts,
): Promise<readonly (readonly [Key, Failure])[]> {
  const held = new Set([...before.values()].flatMap(({ spec }) => endpointsOf(spec)));
  const fresh = steps.filter(
    (step) =>
      step.action === 'listener.ensure' && endpointsOf(step.spec).some((endpoint) => !held.has(endpoint)),
  );
  if (fresh.length === 0) return [];
  const specs = fresh.map(({ key, spec }) => [key, spec] as const);
  const refused = await refusedNow(specs, process, parts.owners);
  return [...refused].map(([key, conflict]) => [key, { conflict }] as const);
}

/** Those of the listeners that this host refuses now. `process`: the proxy, which is no stranger. */
export async function refusedNow(
  specs: readonly (readonly [Key, ListenerSpec])[],
  process: ProxyProcess | null,
  ownersOf: ListenerBatchParts['owners'],
): Promise<ReadonlyMap<Key, Conflict>> {
  const isOurs = ({ pid }: PortOwner): boolean =>
    process !== null && pid !== null && (pid === process.pid || parentOf(pid) === process.pid);
  const owners = await ownersOf(new Set(specs.map(([, { port }]) => port)));
  const strangers = owners.filter((owner) => !isOurs(owner));
  const here = hostAddresses();
  const refused = new Map<Key, Conflict>();
  for (const [key, spec] of specs) {
    const conflict = refusalOf(spec, strangers, here);
    if (conflict !== null) refused.set(key, conflict);
  }
  return refused;
}

/** Makes proxy and rules those of `wanted`, which `refuse` may make another. Null: done; else why nothing of it holds for certain. */
async function act(
  wanted: () => Records,
  before: Records,
  process: ProxyProcess | null,
  parts: ListenerBatchParts,
  refuse: (key: Key, failure: Failure) => void,
): Promise<Failure | null> {
  try {
    await parts.sockets.keep(carriagesOf(new Map([...before, ...wanted()]), parts.hands).sockets);
    await serve(wanted, process, parts, refuse);
    const { forwards, bridges, sockets } = carriagesOf(wanted(), parts.hands);
    const former = carriagesOf(before, parts.hands).forwards;
    if (forwards.length > 0 || former.length > 0 || parts.isFirst)
      await parts.forwarding.write(forwards, bridges);
    await parts.sockets.keep(sockets);
    return null;
  } catch (error) {
    return { error: errorOf(error) };
  }
}

/** One listener that the proxy can't have keeps none of the others from being served: it is left as it was. */
async function serve(
  wanted: () => Records,
  process: ProxyProcess | null,
  { proxy, hands }: ListenerBatchParts,
  refuse: (key: Key, failure: Failure) => void,
): Promise<void> {
  const unserved = new Set<string>();
  for (;;) {
    const listeners = carriagesOf(wanted(), hands).proxied.filter(({ name }) => !unserved.has(name));
    if (isDeepStrictEqual(listeners, process?.listeners ?? [])) return;
    try {
      return await proxy.serve(listeners);
    } catch (error) {
      if (!(error instanceof ProxyError) || error.listener === null) throw error;
      const key = listenerKey(error.listener);
      const was = JSON.stringify(listeners.find(({ name }) => name === error.listener));
      refuse(key, failureOf(error));
      const now = carriagesOf(wanted(), hands).proxied.find(({ name }) => name === error.listener);
      // What it was before can't be had either: it lost its port to others, which its own next step will tell.
      if (unserved.has(error.listener)) throw error;
      if (JSON.stringify(now) === was) unserved.add(error.listener);
    }
  }
}

function failureOf(error: ProxyError): Failure {
  const { code, message } = error;
  return conflictCodes.includes(code) ? { conflict: { code, message } } : { error: errorOf(error) };
}

function errorOf(error: unknown): StepError {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ProxyError) return { code: error.code, message, log: error.log };
  if (error instanceof CommandError) return { code: 'PacketRulesFailed', message, log: error.log };
  return { code: failureCode(error, 'ListenerFailed'), message };
}
