import type {
  ContainerSpec,
  FactsByKind,
  Kind,
  LeaseSpec,
  PoolSpec,
  SpecByKind,
} from '../../../state/resource.ts';
import type { Phase } from '../../../state/status.ts';
import type { ResourceItem } from '../../api/contract.ts';
import type { Style } from '../terminal.ts';
import type { Cell, Column, Row } from './table.ts';

/** How resources of one kind are shown in a table. */
export interface ResourceTable {
  readonly columns: readonly Column[];
  readonly row: (item: ResourceItem) => Row;
}

/** What a column shows of a resource whose spec and facts are known; null where there is nothing to show. */
interface Field<K extends Kind> extends Column {
  readonly show: (resource: Shown<K>) => string | null;
  /** Only in wide tables. */
  readonly wide?: boolean;
}

interface Shown<K extends Kind> {
  readonly item: ResourceItem;
  /** Desired, or observed where it is being removed; null where neither is there. */
  readonly spec: SpecByKind[K] | null;
  readonly facts: FactsByKind[K] | null;
}

interface ObservedShape<K extends Kind> {
  readonly spec: SpecByKind[K];
  readonly facts: FactsByKind[K];
}

function shown<K extends Kind>(item: ResourceItem): Shown<K> {
  const observed = item.observed as unknown as ObservedShape<K> | null;
  const desired = item.spec as unknown as SpecByKind[K] | null;
  return { item, spec: desired ?? observed?.spec ?? null, facts: observed?.facts ?? null };
}

/** The style in which a phase is shown; its name says the same. */
export function phaseStyle(phase: Phase): Style {
  if (phase === 'Ready') return 'good';
  return phase === 'Blocked' || phase === 'Failed' ? 'bad' : 'busy';
}

const yesNo = (value: boolean): string => (value ? 'yes' : 'no');
const message = {
  title: 'MESSAGE',
  flexible: true,
  show: ({ item }: { item: ResourceItem }) => item.message,
};
const phase = { title: 'PHASE', show: ({ item }: { item: ResourceItem }) => item.phase };
const revision = {
  title: 'REVISION',
  wide: true,
  show: ({ item }: { item: ResourceItem }) => `${item.revision}`,
};

const bridgeOf = (spec: PoolSpec | null): string | null =>
  spec === null ? null : spec.type === 'bridge' ? spec.bridge : spec.parent;

function addressesOf(spec: ContainerSpec | null): string | null {
  if (spec === null) return null;
  const { network } = spec;
  return network.mode === 'pool' ? network.interfaces.map(({ address }) => address).join(',') : null;
}

const poolFields: readonly Field<'pool'>[] = [
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

const leaseFields: readonly Field<'lease'>[] = [
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
const groupFields: readonly Field<'group'>[] = [
  { title: 'NAME', show: ({ item }) => item.name },
  { title: 'PLACE', show: ({ spec }) => (spec === null ? null : `${spec.rank + 1}`) },
  { title: 'TIMEOUT', show: ({ spec }) => (spec === null ? null : `${spec.timeoutMs / 1000} s`) },
  phase,
  revision,
  message,
];

const containerFields: readonly Field<'container'>[] = [
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

function tableOf<K extends Kind>(fields: readonly Field<K>[], wide: boolean): ResourceTable {
  const visible = fields.filter((field) => wide || field.wide !== true);
  return {
    columns: visible,
    row: (item) => {
      const resource = shown<K>(item);
      return visible.map((field): Cell => {
        const text = field.show(resource);
        if (text === null || text === '') return { text: '-' };
        return field.title === 'PHASE' ? { text, style: phaseStyle(item.phase) } : { text };
      });
    },
  };
}

/** Columns and rows of one kind; wide ones have everything. */
export function resourceTable(kind: Kind, wide: boolean): ResourceTable {
  switch (kind) {
    case 'pool':
      return tableOf(poolFields, wide);
    case 'lease':
      return tableOf(leaseFields, wide);
    case 'group':
      return tableOf(groupFields, wide);
    case 'container':
      return tableOf(containerFields, wide);
  }
}
