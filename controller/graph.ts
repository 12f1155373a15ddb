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
export const external = 'EXTERNAL';

/**
 * Who is connected to what (LINK-9): each link and each rule of ingress among `desired`, in their order. A rule that could not be resolved is
 * there with an empty socket.
 */
export function graphOf(desired: Iterable<DesiredResource>, observed: ObservedLookup): readonly GraphLink[] {
  return [...desired].flatMap((resource) => {
    if (resource.kind === 'link') return [serviceLink(resource as DesiredResource<'link'>, observed)];
    return resource.kind === 'listener'
      ? ingressLinks(resource as DesiredResource<'listener'>, observed)
      : [];
  });
}

function serviceLink({ spec }: DesiredResource<'link'>, observed: ObservedLookup): GraphLink {
  const { type, service, consumer, provider, role, target, socket } = spec;
  return {
    type,
    name: service,
    consumer,
    consumer_pid: pidOf(consumer, observed) ?? 0,
    provider,
    provider_pid: pidOf(provider, observed) ?? 0,
    role,
    interface: spec.interface ?? type,
    target,
    socket,
  };
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
    provider_pid: pidOf(route.provider, observed) ?? 0,
    role: 'any',
    interface: spec.type,
    target: targetOf(key, route),
    socket: socketOf(route.backend),
  }));
}

/** Where a rule is found, as its `external` has it: `:80/api`. */
export function targetOf(listener: Key, { path }: Pick<RouteSpec, 'path'>): string {
  return `${nameOf(listener)}${path}`;
}

function socketOf(backend: Backend | null): string {
  if (backend === null) return '';
  return backend.type === 'socket' ? backend.socket : `${backend.address}:${backend.port}`;
}

/** Process id of the container's init; null: it does not run. */
export function pidOf(container: string, observed: ObservedLookup): number | null {
  const facts = observed(containerKey(container))?.facts as FactsByKind['container'] | undefined;
  return facts?.pid ?? null;
}
