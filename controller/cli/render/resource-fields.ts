import type { FactsByKind, Kind, SpecByKind } from '../../../state/resource.ts';
import type { ResourceItem } from '../../api/contract.ts';
import type { DataPlane } from '../data-plane.ts';
import { phaseStyle } from './phase-style.ts';

/** A resource whose spec and facts are known, with what goes over the data plane beside it. */
export interface ShownResource<K extends Kind> {
  readonly item: ResourceItem;
  /** Desired, or observed where it is being removed; null where neither is there. */
  readonly spec: SpecByKind[K] | null;
  readonly facts: FactsByKind[K] | null;
  readonly plane: DataPlane;
}

interface ObservedShape<K extends Kind> {
  readonly spec: SpecByKind[K];
  readonly facts: FactsByKind[K];
}

/** `item` is one of kind K. */
export function shownResource<K extends Kind>(item: ResourceItem, plane: DataPlane): ShownResource<K> {
  const observed = item.observed as unknown as ObservedShape<K> | null;
  const desired = item.spec as unknown as SpecByKind[K] | null;
  return { item, spec: desired ?? observed?.spec ?? null, facts: observed?.facts ?? null, plane };
}

type Item = { readonly item: ResourceItem };

/** Columns that every kind has. */
export const message = { title: 'MESSAGE', flexible: true, show: ({ item }: Item) => item.message };
export const phase = {
  title: 'PHASE',
  show: ({ item }: Item) => item.phase,
  style: ({ item }: Item) => phaseStyle(item.phase),
};
export const revision = { title: 'REVISION', wide: true, show: ({ item }: Item) => `${item.revision}` };
