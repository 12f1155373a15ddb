import type { ContainerSpec, Kind, LeaseSpec, PoolSpec } from '../../../state/resource.ts';
import type { ResourceItem } from '../../api/contract.ts';
import type { DataPlane } from '../data-plane.ts';
import { type Field, type Table, tableOf } from './fields.ts';
import { linkFields } from './link-fields.ts';
import { listenerFields } from './listener-fields.ts';
import { message, phase, revision, type ShownResource, shownResource } from './resource-fields.ts';

const yesNo = (value: boolean): string => (value ? 'yes' : 'no');
const bridgeOf = (spec: PoolSpec | null): string | null =>
  spec === null ? null : spec.type === 'bridge' ? spec.bridge : spec.parent;

function addressesOf(spec: ContainerSpec | null): string | null {
  if (spec === null) return null;
  const { network } = spec;
  return network.mode === 'pool' ? network.interfaces.map(({ address }) => address).join(',') : null;
}

const poolFields: readonly Field<ShownResource<'pool'>>[] = [
  { title: 'NAME', show: ({ item }) => item.name },
  { title: 'TYPE', show: ({ spec }) => spec?.type ?? null },
  { title: 'BRIDGE', show: ({ spec }) => bridgeOf(spec) },
  { title: 'SUBNET', show: ({ spec }) => spec?.subnet ?? null },
  { title: 'GATEWAY', show: ({ spec }) => spec?.gateway ?? null },
  { title: 'NAT', show: ({ spec }) => (spec?.type === 'bridge' ? yesNo(spec.nat) : null) },
  {
    title: 'ISOLATED',
    wide: true,
    show: ({ spec }) => (spec?.type === 'bridge' ? yesNo(spec.isolated) : null),
  },
  { title: 'ADOPTED', wide: true, show: ({ facts }) => (facts === null ? null : yesNo(facts.adopted)) },
  phase,
  revision,
  { ...message, wide: true },
];

const leaseOwner = (item: ResourceItem, part: number): string => item.name.split('/')[part] ?? '';

const leaseFields: readonly Field<ShownResource<'lease'>>[] = [
  { title: 'POOL', show: ({ item }) => leaseOwner(item, 0) },
  { title: 'CONTAINER', show: ({ item }) => leaseOwner(item, 1) },
  { title: 'INTERFACE', show: ({ item }) => leaseOwner(item, 2) },
  { title: 'ADDRESS', show: ({ spec }) => spec?.address ?? null },
  { title: 'MAC', show: ({ spec }: { spec: LeaseSpec | null }) => spec?.mac ?? null },
  { title: 'NAMES', wide: true, show: ({ spec }) => spec?.names.join(',') ?? null },
  phase,
  revision,
  { ...message, wide: true },
];

/** A group reaches no further than its containers; what it lacks stands in its message. */
const groupFields: readonly Field<ShownResource<'group'>>[] = [
  { title: 'NAME', show: ({ item }) => item.name },
  { title: 'PLACE', show: ({ spec }) => (spec === null ? null : `${spec.rank + 1}`) },
  { title: 'TIMEOUT', show: ({ spec }) => (spec === null ? null : `${spec.timeoutMs / 1000} s`) },
  phase,
  revision,
  message,
];

const containerFields: readonly Field<ShownResource<'container'>>[] = [
  { title: 'NAME', show: ({ item }) => item.name },
  { title: 'ADDRESS', show: ({ spec }) => addressesOf(spec) },
  { title: 'PID', show: ({ facts }) => facts?.pid?.toString() ?? null },
  { title: 'NETWORK', wide: true, show: ({ spec }) => spec?.network.mode ?? null },
  { title: 'HOSTNAME', wide: true, show: ({ spec }) => spec?.hostname ?? null },
  { title: 'STORAGE', wide: true, show: ({ spec }) => spec?.persistence ?? null },
  { title: 'GOAL', wide: true, show: ({ spec }) => spec?.goal ?? null },
  phase,
  revision,
  message,
];

function resourcesOf<K extends Kind>(
  fields: readonly Field<ShownResource<K>>[],
  wide: boolean,
  plane: DataPlane,
): Table<ResourceItem> {
  const { columns, row } = tableOf(fields, wide);
  return { columns, row: (item) => row(shownResource<K>(item, plane)) };
}

/** Columns and rows of one kind; wide ones have everything. */
export function resourceTable(kind: Kind, wide: boolean, plane: DataPlane): Table<ResourceItem> {
  switch (kind) {
    case 'pool':
      return resourcesOf(poolFields, wide, plane);
    case 'lease':
      return resourcesOf(leaseFields, wide, plane);
    case 'group':
      return resourcesOf(groupFields, wide, plane);
    case 'container':
      return resourcesOf(containerFields, wide, plane);
    case 'listener':
      return resourcesOf(listenerFields, wide, plane);
    case 'link':
      return resourcesOf(linkFields, wide, plane);
  }
}
