import type { GraphLink, LinkParty, ResourceItem, ServiceUse } from '../../controller/api/contract.ts';
import type { LinkEnds, LinkSight } from '../../controller/link-sight.ts';
import {
  type DesiredResource,
  type FactsByKind,
  type LinkSpec,
  linkKey,
  type ObservedResource,
} from '../../state/resource.ts';
import type { Phase } from '../../state/status.ts';
import { item } from './fixtures.ts';
import { status } from './ingress-fixtures.ts';

/** `raw` of `server`, as `client` has it. */
export const rawSpec: LinkSpec = {
  type: 'unix',
  service: 'raw',
  consumer: 'client',
  provider: 'server',
  socket: '/run/example/raw.sock',
  target: '/run/pv/services/raw.sock',
  role: 'any',
  interface: null,
};

export const rawKey = linkKey(rawSpec.consumer, rawSpec.target);

/** The bus of `server`, as `client` has it in a role, and one name of it alone. */
export const busSpec: LinkSpec = {
  ...rawSpec,
  type: 'dbus',
  service: 'system-bus',
  socket: '/run/dbus/system_bus_socket',
  target: '/run/dbus/system_bus_socket',
  role: 'operator',
  interface: 'org.pantavisor.Example',
};

/** What is seen of a link that was made for these two processes. */
export const madeFacts: FactsByKind['link'] = {
  carrier: 'kernel',
  provider: { pid: 4242, inode: 17 },
  consumer: { pid: 4321, inode: 17 },
  awaits: null,
};

/** A link as it is desired. */
export function desiredLink(
  spec: LinkSpec = rawSpec,
  fields: Partial<DesiredResource<'link'>> = {},
): DesiredResource<'link'> {
  return {
    key: linkKey(spec.consumer, spec.target),
    kind: 'link',
    spec,
    digest: 'd1',
    dependsOn: ['container/client', 'container/server'],
    pointers: ['/client~1run.json/services/required/0'],
    ...fields,
  };
}

/** A link as it is observed. */
export function observedLink(fields: Partial<ObservedResource<'link'>> = {}): ObservedResource<'link'> {
  return { key: rawKey, kind: 'link', spec: rawSpec, digest: 'd1', drift: [], facts: madeFacts, ...fields };
}

/** The link as it stands where all is well. */
export function linkSight(fields: Partial<LinkSight> = {}): LinkSight {
  return {
    key: rawKey,
    desired: desiredLink(),
    observed: observedLink(),
    status: status('Ready'),
    ...fields,
  };
}

/** Both ends where all is well, but for these fields of each. */
export function ends(
  fields: { readonly consumer?: Partial<LinkParty>; readonly provider?: Partial<LinkParty> } = {},
): LinkEnds {
  return {
    consumer: {
      ...{ container: 'client', path: rawSpec.target, pid: 4321, made: madeFacts.consumer },
      ...fields.consumer,
    },
    provider: {
      ...{ container: 'server', path: rawSpec.socket, pid: 4242, made: madeFacts.provider },
      ...fields.provider,
    },
  };
}

/** A link as it is listed. */
export function linkItem(
  spec: LinkSpec = rawSpec,
  phase: Phase = 'Ready',
  message = phase === 'Ready' ? 'as desired' : `it is ${phase}`,
  facts: FactsByKind['link'] = madeFacts,
): ResourceItem {
  return item(linkKey(spec.consumer, spec.target), spec, phase, message, facts);
}

/** How `raw` stands among the services of either container. */
export const rawUse: ServiceUse = {
  key: rawKey,
  service: 'raw',
  type: 'unix',
  consumer: 'client',
  provider: 'server',
  target: rawSpec.target,
  role: 'any',
  optional: false,
  phase: 'Ready',
  reason: 'AsDesired',
  message: 'as desired',
};

/** How `raw` stands in the graph while both containers run. */
export const rawLink: GraphLink = {
  type: 'unix',
  name: 'raw',
  consumer: 'client',
  consumer_pid: 4321,
  provider: 'server',
  provider_pid: 4242,
  role: 'any',
  interface: 'unix',
  target: '/run/pv/services/raw.sock',
  socket: '/run/example/raw.sock',
};
