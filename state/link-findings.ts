import { type Finding, quote } from './finding.ts';
import { finding } from './finding-catalog.ts';
import { MAX_LINKS } from './limits.ts';
import { targetDescription } from './link-target.ts';
import type { ServiceManifest, ServiceRequirement } from './manifest.ts';
import { nearestNames } from './nearest-name.ts';
import type { Provision } from './provisions.ts';
import type { LinkSpec } from './resource.ts';

/** A requirement with the one service that it means. */
export interface Use {
  readonly consumer: string;
  readonly requirement: ServiceRequirement;
  readonly provider: string;
  readonly service: ServiceManifest;
}

/** Nobody else provides it (LINK-2). `named` are some services of that name: of another type, or its own. */
export function missing(
  consumer: string,
  requirement: ServiceRequirement,
  named: readonly Provision[],
  known: readonly string[],
): Finding {
  const { name, type, optional, pointer } = requirement;
  const expected = `one other container with it${type === null ? '' : ` as type '${type}'`} in its services.json`;
  const others = named.filter(({ container }) => container !== consumer);
  const found =
    others.length > 0
      ? `${others.map(({ container, service }) => `one of type '${service.type}' in '${container}'`).join(', ')}`
      : named.length > 0
        ? `it in '${consumer}' itself alone`
        : 'none of that name';
  return finding(optional ? 'ServiceOptionalMissing' : 'ServiceRequiredMissing', {
    pointer,
    found: name,
    expected,
    message: `${optional ? 'optional' : 'required'} service '${name}' for '${consumer}' not found: found ${found}, expected ${expected}`,
    hint: others.length > 0 ? "correct `type`, here or in the provider's services.json" : meant(name, known),
  });
}

function meant(name: string, known: readonly string[]): string | null {
  const nearest = nearestNames(
    name,
    known.filter((other) => other !== name),
  );
  return nearest.length === 0 ? null : `did you mean ${nearest.map((each) => `'${each}'`).join(' or ')}?`;
}

/** Two or more provide it (LINK-2). */
export function ambiguous(
  consumer: string,
  { name, pointer }: ServiceRequirement,
  provisions: readonly Provision[],
  mostShown: number,
): Finding {
  const shown = provisions
    .slice(0, mostShown)
    .map(({ container, service }) => `'${container}' (${service.pointer})`);
  const more = provisions.length > mostShown ? ' and others' : '';
  const expected = 'one container that provides it';
  const types = new Set(provisions.map(({ service }) => service.type));
  return finding('ServiceAmbiguous', {
    pointer,
    found: name,
    expected,
    message: `found service '${name}' for '${consumer}' in ${shown.join(', ')}${more}, expected ${expected}`,
    hint: types.size === provisions.length ? 'say the `type` of the one that is meant' : null,
  });
}

/** A required service that can't be had, whatever comes. `why` goes on after its name: `has no socket`. */
export function unlinkable(use: Use, why: string): Finding {
  return withoutLink('ServiceUnlinkable', use, why);
}

/** A service that does not appear in its consumer, which starts without it. `why` as for `unlinkable`. */
export function notLinked(use: Use, why: string): Finding {
  return withoutLink('ServiceNotLinked', use, `${why}; nothing appears in '${use.consumer}'`);
}

function withoutLink(
  code: 'ServiceUnlinkable' | 'ServiceNotLinked',
  { requirement: { name, pointer }, provider, service }: Use,
  why: string,
): Finding {
  const expected = 'a service with a `socket`, between two containers that run';
  return finding(code, {
    pointer,
    found: name,
    expected,
    message: `found service '${name}' of container '${provider}' (${service.pointer}), which ${why}; expected ${expected}`,
  });
}

/** None is given, and its name, or the place of a device in its provider, makes none. */
export function noDefaultTarget({ consumer, requirement: { name, pointer }, service }: Use): Finding {
  const why =
    service.type === 'drm'
      ? `its provider has it at ${quote(service.socket)}, where nothing can appear`
      : 'its name is no name of a file';
  return finding('ServiceTargetInvalid', {
    pointer,
    found: name,
    expected: targetDescription,
    message: `found service '${name}' for '${consumer}' without a target, and ${why}; expected ${targetDescription} as its \`target\``,
    hint: 'add a `target`',
  });
}

/** It is no service of D-Bus. */
export function interfaceUnused({ requirement, provider, service }: Use): Finding {
  const expected = 'none, but for a service of type "dbus"';
  return finding('ServiceInterfaceUnused', {
    pointer: `${requirement.pointer}/interface`,
    found: requirement.interface ?? undefined,
    expected,
    message: `found interface ${quote(requirement.interface)} for service '${service.name}' of container '${provider}', which is of type '${service.type}'; expected ${expected}: it has no effect`,
  });
}

/** The provider starts after its consumer, which would wait for it. Groups by name; null: in none. */
export function startsLater(
  { consumer, requirement: { name, pointer }, provider }: Use,
  own: string | null,
  its: string | null,
): Finding {
  const expected = 'a provider in the same group or in an earlier one';
  const where = its === null ? 'in no group, and starts after all groups' : `in the later group '${its}'`;
  return finding('ServiceStartsLater', {
    pointer,
    found: name,
    expected,
    message: `found required service '${name}' of container '${provider}', which is ${where}, for '${consumer}' in group '${own}'; expected ${expected}: the two would wait for each other`,
    hint: `move '${provider}' into group '${own}', or make the service optional`,
  });
}

/** With those of this consumer, there are at least `count` links in all. */
export function tooManyLinks(consumer: string, pointer: string, count: number): Finding {
  const expected = `at most ${MAX_LINKS} on one device`;
  return finding('TooManyLinks', {
    pointer,
    found: count,
    expected,
    message: `found ${count} links to services with those of container '${consumer}', expected ${expected}`,
  });
}

/** Containers that are named of a long ring. */
const mostNamed = 6;

/** Each of `links` is required by its consumer, and its provider is the consumer of the next, the last one's that of the first. */
export function ring(pointer: string, links: readonly LinkSpec[]): Finding {
  const [first] = links;
  const named = links
    .slice(0, mostNamed)
    .map(({ consumer, service, provider }) => `'${consumer}' requires '${service}' of '${provider}'`);
  const more =
    links.length > mostNamed
      ? ` and so on, through ${links.length} containers, back to '${first?.consumer}'`
      : '';
  const expected = 'one of these services to be optional';
  return finding('ServiceRing', {
    pointer,
    found: first?.service,
    expected,
    message: `found a ring of required services: ${named.join(', ')}${more}; expected ${expected}, since none of these containers could start first`,
  });
}
