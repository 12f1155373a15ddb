import type { Finding } from './finding.ts';
import { finding } from './finding-catalog.ts';
import { type ConfigLine, parseLxcConfig } from './lxc-config.ts';
import { bakedAddress } from './lxc-keys.ts';
import type { NetworkManifest } from './manifest.ts';
import type { NetworkWish } from './read-network.ts';
import type { LxcConfigItem } from './resource.ts';

const keepKey = 'lxc.namespace.keep';
const hostnameKey = 'lxc.uts.name';
const interfaceKey = /^lxc\.net\.\d+\./;

/** What an LXC configuration and the documents beside it come to together (CTR-3). */
export interface ContainerConfig {
  readonly network: NetworkManifest;
  /** What is said elsewhere is left out: host name, interfaces, and `net` in `lxc.namespace.keep`, which the network's mode decides. */
  readonly config: readonly LxcConfigItem[];
  /** From `lxc.uts.name`. */
  readonly hostname: string | null;
  /** IPv4 addresses of `lxc.net.*` (LEASE-6). */
  readonly reservedAddresses: readonly string[];
  readonly findings: readonly Finding[];
}

/**
 * Reads the text of a container's LXC configuration together with its network. `pointer` names the file in the state.
 * A container that says nothing about its network has what its configuration says; where that says nothing either, it
 * has none.
 */
export function readContainerConfig(text: string, pointer: string, wish: NetworkWish): ContainerConfig {
  const { lines, findings } = parseLxcConfig(text, pointer);
  const baked = lines.filter(({ key }) => interfaceKey.test(key));
  const kept = lines.filter(({ key }) => key === keepKey).flatMap(({ value }) => value.split(/\s+/));
  const network = networkOf(wish, baked, kept.includes('net'));
  const sharesNetwork = network.mode === 'host' || (network.mode === 'lxc' && kept.includes('net'));
  const shared = { network: sharesNetwork, ipc: kept.includes('ipc') };
  return {
    network,
    config: network.mode === 'lxc' ? withoutHostname(lines) : withoutNetwork(withoutHostname(lines)),
    hostname: lines.findLast(({ key }) => key === hostnameKey)?.value ?? null,
    reservedAddresses: [...new Set(baked.flatMap(({ key, value }) => bakedAddress(key, value) ?? []))],
    findings: [
      ...findings,
      ...contradictions(wish, baked, pointer),
      ...sharedSysctls(lines, shared, pointer),
    ],
  };
}

/** Lines that say nothing more than that the network is the host's. */
function isHostNetwork(baked: readonly ConfigLine[]): boolean {
  return baked.some(({ key, value }) => key.endsWith('.type') && value === 'none');
}

function networkOf(
  { mode, interfaces }: NetworkWish,
  baked: readonly ConfigLine[],
  keepsNet: boolean,
): NetworkManifest {
  if (mode === 'pool') return { mode, interfaces };
  if (mode === 'host') return { mode };
  if (baked.length > 0) return { mode: isHostNetwork(baked) ? 'host' : 'lxc' };
  if (mode === 'none') return { mode };
  return { mode: keepsNet ? 'host' : 'none' };
}

function withoutHostname(lines: readonly ConfigLine[]): readonly LxcConfigItem[] {
  return lines.flatMap(({ key, value }) => (key === hostnameKey ? [] : [{ key, value }]));
}

function withoutNetwork(items: readonly LxcConfigItem[]): readonly LxcConfigItem[] {
  return items.flatMap((item) => {
    if (interfaceKey.test(item.key)) return [];
    if (item.key !== keepKey) return [item];
    const kept = item.value.split(/\s+/).filter((namespace) => namespace !== 'net');
    return kept.length === 0 ? [] : [{ key: keepKey, value: kept.join(' ') }];
  });
}

/** A network that is said twice: in run.json or its arguments, and by interfaces of the configuration. */
function contradictions(
  wish: NetworkWish,
  baked: readonly ConfigLine[],
  pointer: string,
): readonly Finding[] {
  const [first] = baked;
  if (first === undefined || (wish.mode !== 'pool' && wish.mode !== 'host')) return [];
  if (wish.mode === 'host' && isHostNetwork(baked)) return [];
  const expected = `no lxc.net.* together with network mode "${wish.mode}"`;
  return [
    finding(wish.mode === 'pool' ? 'PoolWithLxcNet' : 'NetworkModeConflict', {
      pointer,
      found: `${first.key} = ${first.value}`,
      expected,
      message: `found '${first.key}' in line ${first.line} of the LXC configuration, and network mode "${wish.mode}" at ${wish.modePointer}; expected ${expected}`,
      hint: 'remove one of the two',
    }),
  ];
}

/** Kernel settings that would be the host's, because the container shares the namespace that they belong to. */
function sharedSysctls(
  lines: readonly ConfigLine[],
  shared: { readonly network: boolean; readonly ipc: boolean },
  pointer: string,
): readonly Finding[] {
  return lines.flatMap(({ key, value, line }) => {
    if (!key.startsWith('lxc.sysctl.')) return [];
    const ofNetwork = key.startsWith('lxc.sysctl.net.');
    if (!(ofNetwork ? shared.network : shared.ipc)) return [];
    const namespace = ofNetwork ? 'network' : 'ipc';
    const expected = `no '${key}' in a container that shares the host's ${namespace} namespace`;
    const message = `found '${key}' in line ${line} of the LXC configuration; expected ${expected}: it would change the host`;
    return [finding('ConfigKeyRefused', { pointer, found: `${key} = ${value}`, expected, message })];
  });
}
