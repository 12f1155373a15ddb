import type { LinkSpec, ObservedResource } from '../state/resource.ts';
import type { ResourceItem } from './api/contract.ts';

type Named = Pick<ResourceItem, 'kind' | 'name' | 'spec' | 'observed'>;

/**
 * What a person may call a resource by, its whole name first: then each part of it, so that leases are found by their pool, container or
 * interface. The parts of a link's target mean nothing to anybody; a link is found by its consumer, provider, service and target, and by its
 * consumer with its service (`client/raw`).
 */
export function namesOf(item: Named): readonly string[] {
  const { kind, name } = item;
  if (kind !== 'link') return [...new Set([name, ...name.split('/')])];
  const spec = linkSpecOf(item);
  if (spec === null) return [name];
  const { consumer, provider, service, target } = spec;
  return [...new Set([name, `${consumer}/${service}`, consumer, provider, service, target])];
}

function linkSpecOf({ spec, observed }: Named): LinkSpec | null {
  const seen = observed as unknown as ObservedResource<'link'> | null;
  return (spec as unknown as LinkSpec | null) ?? seen?.spec ?? null;
}
