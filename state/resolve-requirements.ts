import type { Finding } from './finding.ts';
import {
  ambiguous,
  interfaceUnused,
  missing,
  noDefaultTarget,
  notLinked,
  startsLater,
  type Use,
  unlinkable,
} from './link-findings.ts';
import { defaultTarget, targetsTwice } from './link-target.ts';
import type { ContainerManifest, ServiceRequirement } from './manifest.ts';
import type { Provision, Provisions } from './provisions.ts';
import type { LinkSpec } from './resource.ts';
import { isLinkType } from './service-types.ts';

/** A link, before it is a resource. */
export interface LinkManifest {
  readonly spec: LinkSpec;
  readonly optional: boolean;
  readonly pointers: readonly [requirement: string, service: string];
}

/** What the requirements of one container lead to. */
export interface ConsumerLinks {
  /** In the order of the requirements. */
  readonly links: readonly LinkManifest[];
  readonly findings: readonly Finding[];
  /** Names of services that nobody else provides: the hints of their findings depend on which there are at all. */
  readonly wanting: readonly string[];
}

/** What each requirement of a container leads to (LINK-1 to LINK-3). */
export function resolveRequirements(manifest: ContainerManifest, provisions: Provisions): ConsumerLinks {
  const resolved = manifest.requirements.map((requirement) => resolve(manifest, requirement, provisions));
  const links = resolved.flatMap(({ link }) => (link === null ? [] : [link]));
  const placed = links.map(({ spec, pointers }) => ({
    service: spec.service,
    target: spec.target,
    pointer: pointers[0],
  }));
  return {
    links,
    findings: [...resolved.flatMap(({ findings }) => findings), ...targetsTwice(manifest.name, placed)],
    wanting: resolved.flatMap(({ wanting }) => wanting ?? []),
  };
}

interface Resolved {
  readonly link: LinkManifest | null;
  readonly findings: readonly Finding[];
  readonly wanting?: string;
}

const nothing: Resolved = { link: null, findings: [] };

function noLink(...findings: readonly Finding[]): Resolved {
  return { link: null, findings };
}

/** More than one provider is too many: how many there are is of no interest. */
const mostShown = 4;

function resolve(
  { name: consumer }: ContainerManifest,
  requirement: ServiceRequirement,
  provisions: Provisions,
): Resolved {
  const { name, type } = requirement;
  const candidates = type === null ? provisions.named(name) : provisions.ofType(name, type);
  // A container provides a name once, so that of a few more than are shown enough are of others.
  const others = candidates.slice(0, mostShown + 2).filter(({ container }) => container !== consumer);
  const [provision, another] = others;
  if (provision === undefined) return missingFrom(consumer, requirement, provisions);
  if (another !== undefined) return noLink(ambiguous(consumer, requirement, others, mostShown));
  if (provision.broken) return nothing;
  return linkTo(provision, consumer, requirement, provisions);
}

function missingFrom(consumer: string, requirement: ServiceRequirement, provisions: Provisions): Resolved {
  if (provisions.unreadable) return nothing;
  const { name } = requirement;
  const named = provisions.named(name).slice(0, mostShown);
  const problem = missing(consumer, requirement, named, provisions.names());
  return { link: null, findings: [problem], wanting: name };
}

function linkTo(
  { container: provider, service }: Provision,
  consumer: string,
  requirement: ServiceRequirement,
  provisions: Provisions,
): Resolved {
  const { type, socket } = service;
  const use = { consumer, requirement, provider, service };
  if (!isLinkType(type)) {
    return requirement.target === null ? nothing : noLink(notLinked(use, byAddress(use)));
  }
  const cannot = socket === null ? 'has no `socket`' : idleIn(provider, provisions);
  if (cannot !== null) return noLink((requirement.optional ? notLinked : unlinkable)(use, cannot));
  const idle = idleIn(consumer, provisions);
  if (idle !== null) return noLink(notLinked(use, idle));
  const target = requirement.target ?? defaultTarget(service);
  if (socket === null || target === null) return noLink(noDefaultTarget(use));
  const face = type === 'dbus' ? requirement.interface : null;
  const role = requirement.role ?? 'any';
  const spec = { type, service: service.name, consumer, provider, socket, target, role, interface: face };
  const pointers = [requirement.pointer, service.pointer] as const;
  return {
    link: { spec, optional: requirement.optional, pointers },
    findings: [
      ...(face === requirement.interface ? [] : [interfaceUnused(use)]),
      ...orderFindings(use, provisions),
    ],
  };
}

/** A consumer starts when what it requires is up, and a group when the one before is. */
function orderFindings(use: Use, provisions: Provisions): readonly Finding[] {
  const own = provisions.placement(use.consumer)?.lifecycle;
  const its = provisions.placement(use.provider)?.lifecycle;
  if (use.requirement.optional || own === undefined || its === undefined || its.rank <= own.rank) return [];
  return [startsLater(use, own.group, its.group)];
}

/** Nothing runs in a container that is only to be mounted (CTR-6); null: something does, or that is not known. */
function idleIn(container: string, provisions: Provisions): string | null {
  return provisions.placement(container)?.goal === 'MOUNTED'
    ? `is of no use while nothing runs in '${container}', whose goal is MOUNTED`
    : null;
}

function byAddress({ provider, service: { type, port } }: Use): string {
  const where = port === null ? `by the name '${provider}'` : `at port ${port} of '${provider}'`;
  return `is of type '${type}' and is reached ${where}, not at a target`;
}
