import type { FactsByKind, LinkCarrier, LinkSpec, ObservedResource } from '../../../state/resource.ts';
import type { LinkParty, ResourceDescription } from '../../api/contract.ts';
import type { DataPlane } from '../data-plane.ts';
import { needText } from './link-fields.ts';
import { count } from './text.ts';

type Line = readonly [label: string, text: string];
type Facts = FactsByKind['link'];

const carrierTexts: Readonly<Record<LinkCarrier, string>> = {
  kernel: 'kernel: mounted into the consumer, no process is on the way',
  haproxy: 'haproxy, a process apart from the controller',
  builtin: 'builtin, the proxy that comes with Holdfast, a process apart from the controller',
  'dbus-proxy': 'dbus-proxy, a process apart from the controller, which judges each message',
  model: 'model: nothing real is there',
};

/** What there is to say of a link besides what every resource has: label and text. */
export function linkLines(
  description: Pick<ResourceDescription, 'key' | 'spec' | 'observed' | 'optional' | 'ends'>,
  plane: DataPlane,
): readonly Line[] {
  const made = description.observed as unknown as ObservedResource<'link'> | null;
  const desired = (description.spec as unknown as LinkSpec | null) ?? made?.spec ?? null;
  return [
    ...(desired === null ? [] : serviceLines(desired, description.optional === true)),
    ...(description.ends === undefined ? [] : endLines(description.ends)),
    ['Carried by', made === null ? 'nobody: it was not made yet' : carrierTexts[made.facts.carrier]],
    ...(made === null ? [] : madeLines(made)),
    ['Sessions', sessionsText(description.key, made?.facts ?? null, plane)],
  ];
}

function serviceLines(
  { service, type, role, interface: name }: LinkSpec,
  optional: boolean,
): readonly Line[] {
  return [
    ['Service', `${service} (${type}), ${needText(optional)}`],
    ['Role', role],
    ['Interface', name ?? '-'],
  ];
}

function endLines({ consumer, provider }: NonNullable<ResourceDescription['ends']>): readonly Line[] {
  return [
    ['Provider', endText(provider)],
    ['Consumer', endText(consumer)],
  ];
}

/** `/run/raw.sock of container server, process 4242, inode 17`. */
function endText({ container, path, pid, made }: LinkParty): string {
  const process = pid === null ? 'which does not run' : `process ${pid}`;
  const former = made?.pid ?? null;
  const before = former === null || former === pid ? '' : ` (the link was made for process ${former})`;
  const inode = (made?.inode ?? null) === null ? '' : `, inode ${made?.inode}`;
  return `${path} of container ${container}, ${process}${before}${inode}`;
}

function madeLines({ facts, drift }: ObservedResource<'link'>): readonly Line[] {
  return [
    ...(facts.device === undefined ? [] : [['Device', facts.device] as const]),
    ...(facts.awaits === null ? [] : [['Awaits', facts.awaits] as const]),
    ...(drift.length === 0 ? [] : [['Drift', drift.join('; ')] as const]),
  ];
}

/** Of what a process of ours carries; the kernel counts nothing. */
function sessionsText(key: ResourceDescription['key'], facts: Facts | null, plane: DataPlane): string {
  if (facts?.carrier === 'kernel') return 'not counted: they do not go through us';
  const traffic = plane.linkTraffic(key);
  if (traffic === null) return '-';
  return `${traffic.sessions} open, ${count(traffic.connections, 'connection')} since the process was started`;
}
