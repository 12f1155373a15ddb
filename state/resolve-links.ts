import { isDeepStrictEqual } from 'node:util';
import type { DesiredContent } from './desired-content.ts';
import type { Finding } from './finding.ts';
import type { RankedGroup } from './groups.ts';
import { MAX_FINDINGS, MAX_LINKS } from './limits.ts';
import { ring, tooManyLinks } from './link-findings.ts';
import type { ContainerManifest, ServiceManifest } from './manifest.ts';
import { nearestNames } from './nearest-name.ts';
import { orderIn } from './outlook.ts';
import { containersPlacedAnew } from './placed-anew.ts';
import { areCompared, type ServiceView, ViewedProvisions } from './provisions.ts';
import { type ConsumerLinks, type LinkManifest, resolveRequirements } from './resolve-requirements.ts';
import { findRings } from './service-rings.ts';

/** Consumers whose links differ; null: it has no requirements any more. */
export type LinkChanges = ReadonlyMap<string, ConsumerLinks | null>;

/** A view with what of its groups differs from the content. */
export interface LinkView extends ServiceView {
  readonly changedGroups: ReadonlyMap<string, RankedGroup | null>;
}

/**
 * What the requirements of containers lead to in a state that differs from `content` in `readings`, `device` and `changedGroups`, as far as
 * that differs (LINK-1, LINK-2). Looks at consumers that differ, and at those of services that do (ENG-6). Of a state with very many
 * errors, some of them.
 */
export function resolveLinks(content: DesiredContent, view: LinkView): LinkChanges {
  const manifestOf = (name: string): ContainerManifest | null =>
    (view.readings.has(name) ? view.readings.get(name) : content.readings.get(name))?.manifest ?? null;
  const provisions = new ViewedProvisions(content, view);
  const changes = new Map<string, ConsumerLinks | null>();
  const count = new LinkCount(content);
  let errors = 0;
  for (const name of concerned(content, view, provisions)) {
    const manifest = manifestOf(name);
    const requires = manifest !== null && manifest.requirements.length > 0;
    const links = requires ? resolveRequirements(manifest, provisions) : null;
    count.take(name, links);
    if (count.isPast) break;
    if (!isDeepStrictEqual(links, content.links.get(name) ?? null)) changes.set(name, links);
    errors += links?.findings.filter(({ severity }) => severity === 'error').length ?? 0;
    if (errors >= MAX_FINDINGS) break;
  }
  return count.refused() ?? withRings(changes, content, view);
}

/** Counts the links of a state as they are resolved, so that no more of them are made than a device may have (REV-8). */
class LinkCount {
  readonly #content: DesiredContent;
  #resolved = 0;
  #grown = 0;
  #last: readonly [consumer: string, links: ConsumerLinks] | null = null;

  constructor(content: DesiredContent) {
    this.#content = content;
  }

  /** These are all links of this consumer. */
  take(consumer: string, links: ConsumerLinks | null): void {
    const count = links?.links.length ?? 0;
    this.#resolved += count;
    this.#grown += count - (this.#content.links.get(consumer)?.links.length ?? 0);
    if (links !== null && count > 0) this.#last = [consumer, links];
  }

  /** Those that were told of are too many already, whatever the others are. */
  get isPast(): boolean {
    return this.#resolved > MAX_LINKS;
  }

  /** After all were told of: an error in place of everything else, at the consumer that was told of last; null: they are not too many. */
  refused(): LinkChanges | null {
    const total = this.isPast ? this.#resolved : this.#content.linkCount + this.#grown;
    if (total <= MAX_LINKS || this.#last === null) return null;
    const [consumer, links] = this.#last;
    const pointer = links.links[0]?.pointers[0] ?? '';
    return new Map([[consumer, withFinding(links, tooManyLinks(consumer, pointer, total))]]);
  }
}

/** Consumers whose requirements may lead to something else. */
function concerned(
  content: DesiredContent,
  view: LinkView,
  provisions: ViewedProvisions,
): ReadonlySet<string> {
  const consumers = new Set<string>();
  const services = new Set<string>();
  const both = (name: string, manifest: ContainerManifest): void => {
    if (manifest.requirements.length > 0) consumers.add(name);
    for (const service of manifest.services) services.add(service.name);
  };
  for (const name of containersPlacedAnew(content, view)) {
    const manifest = content.readings.get(name)?.manifest ?? null;
    if (manifest !== null) both(name, manifest);
  }
  for (const [name, reading] of view.readings) {
    const before = content.readings.get(name)?.manifest ?? null;
    const after = reading?.manifest ?? null;
    if ([before, after].some((manifest) => (manifest?.requirements.length ?? 0) > 0)) consumers.add(name);
    for (const service of differingServices(before, after, provisions.servicesOf(name)))
      services.add(service);
  }
  for (const service of services)
    for (const name of content.byRequirement.naming(service)) consumers.add(name);
  for (const name of hintedAnew(content, services, provisions)) consumers.add(name);
  return consumers;
}

/** Consumers of services that nobody provides, whose nearest names may be others: `services` are those that differ. */
function* hintedAnew(
  content: DesiredContent,
  services: ReadonlySet<string>,
  provisions: ViewedProvisions,
): Iterable<string> {
  const { byService } = content;
  const come = [...services].filter((name) => !byService.isNamed(name) && provisions.isProvided(name));
  const gone = [...services].filter((name) => byService.isNamed(name) && !provisions.isProvided(name));
  const compared = areCompared(byService.size + come.length - gone.length);
  if (provisions.unreadable || areCompared(byService.size) !== compared) yield* content.wanting;
  else if (compared && come.length + gone.length > 0) {
    const isNear = (name: string) => nearestNames(name, [...come, ...gone]).length > 0;
    for (const name of content.wanting) if (content.links.get(name)?.wanting.some(isNear)) yield name;
  }
}

/** Names of services that are not what they were, or whose container does not start as it did. */
function differingServices(
  before: ContainerManifest | null,
  after: ContainerManifest | null,
  services: readonly ServiceManifest[],
): ReadonlySet<string> {
  const differing = new Set<string>();
  const isPlacedAlike = before?.group === after?.group && before?.statusGoal === after?.statusGoal;
  const former = new Map(before?.services.map((service) => [service.name, service]));
  for (const service of services) {
    if (!isPlacedAlike || !isSame(former.get(service.name), service)) differing.add(service.name);
    former.delete(service.name);
  }
  for (const name of former.keys()) differing.add(name);
  return differing;
}

function isSame(before: ServiceManifest | undefined, after: ServiceManifest): boolean {
  return before !== undefined && isDeepStrictEqual(before, after);
}

/** With an error for each ring of required services, at the consumer of it that comes first. What stands has none: each has a consumer in `changes`. */
function withRings(
  changes: Map<string, ConsumerLinks | null>,
  content: DesiredContent,
  { tree }: LinkView,
): LinkChanges {
  const linksOf = (name: string): ConsumerLinks | null =>
    (changes.has(name) ? changes.get(name) : content.links.get(name)) ?? null;
  const requiredBy = (name: string): readonly LinkManifest[] =>
    linksOf(name)?.links.filter(({ optional }) => !optional) ?? [];
  const rings = findRings(
    changes.keys(),
    (name) => requiredBy(name).map(({ spec }) => spec.provider),
    (name) => orderIn(tree, name),
  );
  for (const containers of rings) {
    const round = containers.flatMap((name, index) => {
      const next = containers[(index + 1) % containers.length];
      return requiredBy(name).find(({ spec }) => spec.provider === next) ?? [];
    });
    const [first] = round;
    const links = first === undefined ? null : linksOf(first.spec.consumer);
    if (first === undefined || links === null) continue;
    const found = ring(
      first.pointers[0],
      round.map(({ spec }) => spec),
    );
    changes.set(first.spec.consumer, withFinding(links, found));
  }
  return changes;
}

function withFinding(links: ConsumerLinks, found: Finding): ConsumerLinks {
  return { ...links, findings: [...links.findings, found] };
}
