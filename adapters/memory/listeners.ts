import { listenText } from '../../state/ingress.ts';
import { type Key, type ListenerSpec, listenerKey, type ObservedResource } from '../../state/resource.ts';
import type { StepOf } from '../adapter.ts';
import type { HostModel } from './host.ts';
import { Refusal } from './refusal.ts';

/** Everything that a listener listens at: `0.0.0.0:80`, `[::]:80`. */
export function endpointsOf({ addresses, port }: ListenerSpec): readonly string[] {
  return addresses.map((host) => listenText({ host, port }));
}

/** What the host has of a listener; null: nothing of ours. */
export function observeListener(host: HostModel, key: Key): ObservedResource<'listener'> | null {
  const made = host.listeners.get(key);
  if (made === undefined) return null;
  const { spec, digest } = made;
  const silent = endpointsOf(spec).filter((endpoint) => host.sockets.get(endpoint) !== key);
  return {
    key,
    kind: 'listener',
    spec,
    digest,
    drift: silent.map((endpoint) => `nothing listens at ${endpoint}`),
    facts: { carriers: spec.addresses.map(() => 'model') },
  };
}

/** Throws a Refusal, and changes nothing, where another one has the port. */
export function ensureListener(host: HostModel, { key, spec, digest }: StepOf<'listener.ensure'>): void {
  const wanted = endpointsOf(spec);
  for (const endpoint of wanted) refuseTaken(host, key, endpoint, spec.port);
  closeSockets(host, key);
  for (const endpoint of wanted) host.sockets.set(endpoint, key);
  host.listeners.set(key, { spec, digest });
  host.refused.delete(key);
}

export function removeListener(host: HostModel, key: Key): void {
  closeSockets(host, key);
  host.listeners.delete(key);
  host.refused.delete(key);
}

/** A port that is ours already stays so, whoever else asks for it. */
function refuseTaken(host: HostModel, key: Key, endpoint: string, port: number): void {
  const holder = host.sockets.get(endpoint);
  if (holder === key) return;
  if (holder !== undefined) {
    const message = `${endpoint} is taken: ${holder} listens there`;
    throw new Refusal({ code: 'PortTaken', message, holder });
  }
  const process = host.foreignPorts.get(port);
  if (process === undefined) return;
  host.refused.set(key, port);
  const message = `port ${port} of this host is taken: process '${process}' listens there`;
  throw new Refusal({ code: 'PortTaken', message });
}

function closeSockets(host: HostModel, key: Key): void {
  for (const [endpoint, holder] of host.sockets) if (holder === key) host.sockets.delete(endpoint);
}

/** A process that is not ours begins to listen at a port of every address; nothing happens where one of ours does. */
export function takePort(host: HostModel, port: number, process: string): void {
  const isOurs = [...host.sockets.keys()].some((endpoint) => endpoint.endsWith(`:${port}`));
  if (!isOurs) host.foreignPorts.set(port, process);
}

/** What listened for it does so no more, as after its proxy has died or its rules were flushed. */
export function silenceListener(host: HostModel, listener: string): void {
  closeSockets(host, listenerKey(listener));
}

/** Listeners that were refused and could be had now; they count as refused no more. */
export function takeReleased(host: HostModel): readonly Key[] {
  const released = [...host.refused].flatMap(([key, port]) => (host.foreignPorts.has(port) ? [] : [key]));
  for (const key of released) host.refused.delete(key);
  return released;
}
