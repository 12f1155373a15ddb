import type { Finding } from './finding.ts';
import { finding } from './finding-catalog.ts';
import type { IngressRule } from './ingress.ts';
import type { ContainerManifest, InterfaceManifest, ServiceManifest } from './manifest.ts';
import { meantHint, nearestNames } from './nearest-name.ts';
import type { PoolSpec } from './resource.ts';

/** What a rule of ingress leads to, before any address is allocated (ING-4). */
export type ServiceTarget =
  | { readonly type: 'socket'; readonly container: string; readonly socket: string }
  /** A port at the address that the container's interface has. */
  | {
      readonly type: 'lease';
      readonly face: InterfaceManifest;
      readonly container: string;
      readonly port: number;
    }
  /** A port of a container in the host's network. */
  | { readonly type: 'loopback'; readonly port: number };

/** What a rule leads to, or why to nothing; null: its provider has errors of its own, by which the revision is refused. */
export type Resolution = ServiceTarget | { readonly type: 'unresolved'; readonly finding: Finding } | null;

/** Where services are looked up. */
export interface Providers {
  /** A container of the revision; null: it has errors of its own; undefined: there is none of this name. */
  container(name: string): ContainerManifest | null | undefined;
  /** Names of all containers, for hints. */
  names(): Iterable<string>;
  pool(name: string): PoolSpec | undefined;
}

/**
 * The service that a rule names (ING-4). What can't be resolved is a warning: the rule is reported, and all others serve. A service with
 * both a port and a socket is reached at its port, which the kernel can carry.
 */
export function resolveService(rule: IngressRule, providers: Providers): Resolution {
  const manifest = providers.container(rule.provider);
  if (manifest === undefined) return unresolved(providerMissing(rule, providers));
  if (manifest === null) return null;
  const service = manifest.services.find(({ name }) => name === rule.service);
  if (service === undefined) return unresolved(serviceMissing(rule, manifest));
  return targetOf(rule, service, manifest, providers);
}

function targetOf(
  rule: IngressRule,
  { type, port, socket, name }: ServiceManifest,
  { name: container, network }: ContainerManifest,
  providers: Providers,
): Resolution {
  if (type === 'drm')
    return unresolved(unreachable(rule, `service '${name}' is a device, which carries no ${rule.type}`));
  if (port === null && socket !== null) return { type: 'socket', container, socket };
  if (port === null)
    return unresolved(unreachable(rule, `service '${name}' has neither \`port\` nor \`socket\``));
  if (network.mode === 'host') return { type: 'loopback', port };
  if (network.mode !== 'pool') {
    return unresolved(
      unreachable(rule, `container '${container}' is in no pool, so that its port ${port} has no address`),
    );
  }
  // A pool that is not there has a finding and a conflict of its own.
  const face = network.interfaces.find((each) => providers.pool(each.pool)?.type === 'bridge');
  return face === undefined
    ? unresolved(
        unreachable(
          rule,
          `container '${container}' has no interface on a bridge: its host does not reach it by macvlan`,
        ),
      )
    : { type: 'lease', face, container, port };
}

function unresolved(found: Finding): Resolution {
  return { type: 'unresolved', finding: found };
}

function providerMissing({ name, provider, service, pointer }: IngressRule, providers: Providers): Finding {
  const expected = 'the name of a container in the revision';
  const at = [...providers.names()];
  return finding('ServiceNotFound', {
    pointer: `${pointer}/provider`,
    found: provider,
    expected,
    message: `ingress rule '${name}' leads to nothing: found no container '${provider}' that could provide '${service}', expected ${expected}`,
    hint: meantHint(provider, at),
  });
}

function serviceMissing({ name, service, pointer }: IngressRule, manifest: ContainerManifest): Finding {
  const known = manifest.services.map((each) => each.name);
  const expected = `the name of a service in ${manifest.name}/services.json`;
  return finding('ServiceNotFound', {
    pointer: `${pointer}/service`,
    found: service,
    expected,
    message: `ingress rule '${name}' leads to nothing: found no service '${service}' of container '${manifest.name}', expected ${expected}`,
    hint: nearestNames(service, known).length > 0 ? meantHint(service, known) : providedHint(known),
  });
}

function providedHint(known: readonly string[]): string | null {
  const [first, second, third, ...more] = known;
  if (first === undefined) return 'it provides none: add a services.json beside its run.json';
  const some = [first, second, third].filter((name) => name !== undefined).map((name) => `'${name}'`);
  return `it provides ${some.join(', ')}${more.length === 0 ? '' : ` and ${more.length} more`}`;
}

function unreachable({ name, service, provider, pointer }: IngressRule, why: string): Finding {
  const expected =
    "a service that the host can reach: a port of a container on a bridge or in the host's network, or a socket";
  return finding('ProviderUnreachable', {
    pointer: `${pointer}/service`,
    found: service,
    expected,
    message: `ingress rule '${name}' leads to nothing: ${why}; expected ${expected} for '${service}' of '${provider}'`,
  });
}
