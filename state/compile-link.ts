import { freeze } from 'immer';
import { digestOf } from './json.ts';
import type { ConsumerLinks, LinkManifest } from './resolve-requirements.ts';
import { containerKey, type DesiredResource, linkKey } from './resource.ts';

/** A link as a resource (LINK-3). It stands on both containers: it is between what runs in them. */
export function compileLink({ spec, optional, pointers }: LinkManifest): DesiredResource<'link'> {
  return freeze(
    {
      key: linkKey(spec.consumer, spec.target),
      kind: 'link',
      spec,
      digest: digestOf(spec),
      dependsOn: [containerKey(spec.provider), containerKey(spec.consumer)],
      pointers,
      ...(optional ? { optional } : {}),
    },
    true,
  );
}

/** Containers that a consumer starts after, each once: those whose services it requires (LINK-1). */
export function requiredProviders(links: ConsumerLinks | null): readonly string[] {
  const required = (links?.links ?? []).filter(({ optional }) => !optional);
  return [...new Set(required.map(({ spec }) => spec.provider))];
}
