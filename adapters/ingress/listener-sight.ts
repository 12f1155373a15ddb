import { isDeepStrictEqual } from 'node:util';
import { listenText } from '../../state/ingress.ts';
import { type Key, nameOf, type ObservedResource } from '../../state/resource.ts';
import type { Forward, ForwardBridge } from '../linux/port-forwarding.ts';
import type { ProviderSocket, ProviderSockets } from '../linux/provider-sockets.ts';
import type { ProxyListener, ProxyProcess } from '../proxy/proxy.ts';
import { type Carriage, carriageOf, type Hands } from './carriage.ts';
import type { ListenerRecord } from './listener-records.ts';

/** Who carries what of all listeners of an instance. */
export interface Carriages {
  readonly byKey: ReadonlyMap<Key, Carriage>;
  readonly forwards: readonly Forward[];
  readonly bridges: readonly ForwardBridge[];
  readonly proxied: readonly ProxyListener[];
  readonly sockets: readonly ProviderSocket[];
}

/** The same for the same records, whatever order they are in. */
export function carriagesOf(records: ReadonlyMap<Key, ListenerRecord>, hands: Hands): Carriages {
  const sorted = [...records].sort(([one], [other]) => (one < other ? -1 : 1));
  const byKey = new Map(sorted.map(([key, { spec }]) => [key, carriageOf(nameOf(key), spec, hands)]));
  const all = [...byKey.values()];
  return {
    byKey,
    forwards: all.flatMap(({ forwards }) => forwards),
    bridges: distinct(
      all.flatMap(({ bridges }) => bridges),
      // While a pool moves, some lead into its old subnet yet.
      ({ bridge, subnet }) => `${bridge} ${subnet}`,
    ),
    proxied: all.flatMap(({ proxied }) => proxied ?? []),
    sockets: distinct(
      all.flatMap(({ sockets }) => sockets),
      ({ container, socket }) => `${container} ${socket}`,
    ),
  };
}

function distinct<Value>(values: readonly Value[], nameOfValue: (value: Value) => string): readonly Value[] {
  return [...new Map(values.map((value) => [nameOfValue(value), value])).values()];
}

/** What there is on the host of what listeners are carried by. */
export interface Ground {
  readonly process: ProxyProcess | null;
  /** Why it can't be told what the proxy does; null: it can. */
  readonly silence: string | null;
  /** What of the forwards does not hold, in words; null: all of them do. */
  readonly forwards: string | null;
  readonly problemOf: ProviderSockets['problemOf'];
}

/** A listener as it is. */
export function sightOf(
  key: Key,
  { spec, digest }: ListenerRecord,
  carriage: Carriage,
  ground: Ground,
): ObservedResource<'listener'> {
  const { carriers, sockets } = carriage;
  const problems = sockets.map((socket) => ground.problemOf(socket)).filter((problem) => problem !== null);
  const warnings = [...carriage.warnings, ...problems];
  return {
    key,
    kind: 'listener',
    spec,
    digest,
    drift: driftOf(carriage, ground),
    facts: { carriers, ...(warnings.length === 0 ? {} : { warnings }) },
  };
}

/** A listener of which can't be told how it is. */
export function unknownSight(
  key: Key,
  { spec, digest }: ListenerRecord,
  why: string,
): ObservedResource<'listener'> {
  return {
    key,
    kind: 'listener',
    spec,
    digest,
    drift: [`how it is can't be told: ${why}`],
    facts: { carriers: [] },
  };
}

function driftOf(carriage: Carriage, ground: Ground): readonly string[] {
  return [...forwardDrift(carriage, ground), ...proxyDrift(carriage, ground)];
}

function forwardDrift({ forwards }: Carriage, ground: Ground): readonly string[] {
  if (forwards.length === 0 || ground.forwards === null) return [];
  return [`what comes in at ${placesText(forwards)} is not forwarded as it should be: ${ground.forwards}`];
}

function proxyDrift({ proxied }: Carriage, { process, silence }: Ground): readonly string[] {
  if (proxied === null) return [];
  const places = placesText(proxied.addresses.map((address) => ({ address, port: proxied.port })));
  if (silence !== null) return [`what listens at ${places} can't be told: ${silence}`];
  const served = process?.listeners.find(({ name }) => name === proxied.name);
  if (isDeepStrictEqual(served, proxied)) return [];
  if (served !== undefined) return ['the proxy serves it otherwise'];
  const why = process === null ? 'the proxy does not run' : 'the proxy does not know it';
  return [`nothing listens at ${places}: ${why}`];
}

function placesText(places: readonly Pick<Forward, 'address' | 'port'>[]): string {
  return places.map(({ address, port }) => listenText({ host: address, port })).join(', ');
}
