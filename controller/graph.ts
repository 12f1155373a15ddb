import {
  type Backend,
  containerKey,
  type DesiredResource,
  type FactsByKind,
  type Key,
  nameOf,
  type ObservedResource,
  type RouteSpec,
} from '../state/resource.ts';
import type { GraphLink } from './api/contract.ts';

/** Looks up what is observed of a resource. */
export type ObservedLookup = (key: Key) => ObservedResource | undefined;

/** Who comes from outside of the device, as Pantavisor calls it. */
const external = 'EXTERNAL';

/**
 * Who is connected to what (LINK-9): each rule of ingress among `desired`, in their order. One that could not be resolved is there with an
 * empty socket.
 */
export function graphOf(desired: Iterable<DesiredResource>, observed: ObservedLookup): readonly GraphLink[] {
  return [...desired].flatMap((resource) =>
    resource.kind === 'listener' ? ingressLinks(resource as DesiredResource<'listener'>, observed) : [],
  );
}

function ingressLinks(
  { key, spec }: DesiredResource<'listener'>,
  observed: ObservedLookup,
): readonly GraphLink[] {
  return spec.routes.map((route) => ({
    type: spec.type,
    name: route.service,
    consumer: external,
    consumer_pid: 0,
    provider: route.provider,
    provider_pid: pidOf(route.provider, observed),
    role: 'any',
    interface: spec.type,
    target: targetOf(key, route),
    socket: socketOf(route.backend),
  }));
}

/** As `external` of the rule has it: `:80/api`. */
function targetOf(listener: Key, { path }: RouteSpec): string {
  return `${nameOf(listener)}${path}`;
}

function socketOf(backend: Backend | null): string {
  if (backend === null) return '';
  return backend.type === 'socket' ? backend.socket : `${backend.address}:${backend.port}`;
}

/** Process id of the container's init; 0: it does not run. */
function pidOf(container: string, observed: ObservedLookup): number {
  const facts = observed(containerKey(container))?.facts as FactsByKind['container'] | undefined;
  return facts?.pid ?? 0;
}
