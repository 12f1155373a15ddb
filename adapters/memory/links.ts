import { type Key, type LinkSpec, linkKey, type ObservedResource } from '../../state/resource.ts';
import type { StepOf } from '../adapter.ts';
import { Failure } from './failure.ts';
import { type HostModel, pidOf } from './host.ts';
import { Refusal } from './refusal.ts';

/** A link of the modelled host, as it was when it was made. */
export interface LinkModel {
  readonly spec: LinkSpec;
  readonly digest: string;
  readonly providerPid: number;
  readonly consumerPid: number;
  /** Of the provider's socket; null: there was none. */
  readonly inode: number | null;
  /** It is there in the consumer, unless that one has taken it away. */
  mounted: boolean;
}

/** A socket that a container of the modelled host listens at. */
export interface SocketModel {
  /** Of the run of the container that has made it: it is nobody's any more when that has ended. */
  readonly pid: number;
  readonly inode: number;
}

/** A path in a container, as the model names it: `server:/run/example/raw.sock`. */
export const pathIn = (container: string, path: string): string => `${container}:${path}`;

/** The socket that the provider of this link has now; null: it has none. */
function socketOf(host: HostModel, { provider, socket }: LinkSpec): SocketModel | null {
  const name = pathIn(provider, socket);
  const model = host.providerSockets.get(name);
  if (model === undefined || host.withheldSockets.has(name)) return null;
  return model.pid === pidOf(host, provider) ? model : null;
}

/** A provider has its sockets from when it is first asked for them, unless it is slow to make them. */
function makeSocket(host: HostModel, { provider, socket }: LinkSpec, pid: number): void {
  const name = pathIn(provider, socket);
  if (host.withheldSockets.has(name) || host.providerSockets.get(name)?.pid === pid) return;
  host.providerSockets.set(name, { pid, inode: host.nextInode++ });
}

function runDrift(host: HostModel, container: string, madeFor: number): readonly string[] {
  const pid = pidOf(host, container);
  if (pid === madeFor) return [];
  return [
    pid === null ? `container '${container}' does not run` : `container '${container}' was started anew`,
  ];
}

function socketDrift(host: HostModel, { spec, inode }: LinkModel): readonly string[] {
  const present = socketOf(host, spec)?.inode ?? null;
  if (present === inode) return [];
  const { provider, socket } = spec;
  if (present === null) return [`container '${provider}' has taken ${socket} away`];
  return [`container '${provider}' has made ${socket}${inode === null ? '' : ' anew'}`];
}

function drift(host: HostModel, made: LinkModel): readonly string[] {
  const { provider, consumer, target } = made.spec;
  const ends = [...runDrift(host, provider, made.providerPid), ...runDrift(host, consumer, made.consumerPid)];
  if (ends.length > 0) return ends;
  const mount = made.mounted ? [] : [`container '${consumer}' has taken away what was at ${target}`];
  return [...mount, ...socketDrift(host, made)];
}

/** What the host has of a link; null: nothing of ours. */
export function observeLink(host: HostModel, key: Key): ObservedResource<'link'> | null {
  const made = host.serviceLinks.get(key);
  if (made === undefined) return null;
  const { spec, digest, providerPid, consumerPid, inode } = made;
  const { provider, socket } = spec;
  return {
    key,
    kind: 'link',
    spec,
    digest,
    drift: drift(host, made),
    facts: {
      carrier: 'model',
      provider: { pid: providerPid, inode },
      consumer: { pid: consumerPid, inode },
      awaits: inode === null ? `there is no ${socket} in container '${provider}'` : null,
    },
  };
}

/** Throws a Failure where one of its containers does not run, a Refusal where the target is taken; changes nothing then. */
export function ensureLink(host: HostModel, { key, spec, digest }: StepOf<'link.ensure'>): void {
  const [providerPid, consumerPid] = [runOf(host, spec.provider), runOf(host, spec.consumer)];
  refuseTaken(host, key, spec);
  makeSocket(host, spec, providerPid);
  const inode = socketOf(host, spec)?.inode ?? null;
  host.serviceLinks.set(key, { spec, digest, providerPid, consumerPid, inode, mounted: true });
  host.refusedLinks.delete(key);
}

export function removeLink(host: HostModel, key: Key): void {
  host.serviceLinks.delete(key);
  host.refusedLinks.delete(key);
}

function runOf(host: HostModel, container: string): number {
  const pid = pidOf(host, container);
  if (pid !== null) return pid;
  throw new Failure({ code: 'ContainerNotRunning', message: `container '${container}' does not run` });
}

/** What the container has there stays as it is (LINK-12). */
function refuseTaken(host: HostModel, key: Key, { consumer, target }: LinkSpec): void {
  const foreign = host.foreignTargets.get(pathIn(consumer, target));
  if (foreign === undefined) return;
  host.refusedLinks.set(key, pathIn(consumer, target));
  const message = `container '${consumer}' has ${foreign} of its own at ${target}, which is left as it is`;
  throw new Refusal({ code: 'LinkTargetTaken', message });
}

/** The provider makes its socket anew, as a program that starts again does. Nothing happens where there is none. */
export function recreateSocket(host: HostModel, container: string, socket: string): void {
  const name = pathIn(container, socket);
  const model = host.providerSockets.get(name);
  if (model !== undefined) host.providerSockets.set(name, { ...model, inode: host.nextInode++ });
}

/** The provider has no socket there from now on, whenever it is started. */
export function withholdSocket(host: HostModel, container: string, socket: string): void {
  const name = pathIn(container, socket);
  host.withheldSockets.add(name);
  host.providerSockets.delete(name);
}

/** The provider makes its socket, where it runs; from now on it has one whenever it is started. */
export function releaseSocket(host: HostModel, container: string, socket: string): void {
  const name = pathIn(container, socket);
  const pid = pidOf(host, container);
  if (host.withheldSockets.delete(name) && pid !== null)
    host.providerSockets.set(name, { pid, inode: host.nextInode++ });
}

/** The consumer takes away what we have put there. */
export function unmountLink(host: HostModel, consumer: string, target: string): void {
  const made = host.serviceLinks.get(linkKey(consumer, target));
  if (made !== undefined) made.mounted = false;
}

/** The consumer puts something of its own there, in the place of ours. */
export function takeTarget(host: HostModel, consumer: string, target: string, what: string): void {
  unmountLink(host, consumer, target);
  host.foreignTargets.set(pathIn(consumer, target), what);
}

/** The consumer takes away what it has put there itself. */
export function removeForeign(host: HostModel, consumer: string, target: string): void {
  host.foreignTargets.delete(pathIn(consumer, target));
}

/** Links that were refused and could be had now; they count as refused no more. */
export function takeReleasedLinks(host: HostModel): readonly Key[] {
  const released = [...host.refusedLinks].flatMap(([key, target]) =>
    host.foreignTargets.has(target) ? [] : [key],
  );
  for (const key of released) host.refusedLinks.delete(key);
  return released;
}

/** Nothing is left of a container that was removed, whatever it has put there itself. */
export function forgetTargets(host: HostModel, container: string): void {
  for (const name of host.foreignTargets.keys())
    if (name.startsWith(`${container}:`)) host.foreignTargets.delete(name);
}

/** Links that a container is an end of. */
export function linksOf(host: HostModel, container: string): readonly Key[] {
  return [...host.serviceLinks].flatMap(([key, { spec }]) =>
    spec.provider === container || spec.consumer === container ? [key] : [],
  );
}
