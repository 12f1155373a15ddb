import type { LxcConfigItem } from '../../state/resource.ts';
import type { DeviceNumber } from './device-access.ts';

/** What may be done with a device, besides making nodes of it, which opens nothing. */
export interface DeviceUse {
  readonly read: boolean;
  readonly write: boolean;
}

/** The keys of LXC for either version of cgroups (lxc.container.conf(5)). */
const controllers = { v1: 'lxc.cgroup.devices', v2: 'lxc.cgroup2.devices' } as const;

/** Of `a` the kernel reads nothing that follows: all of all devices. */
const rulePattern = /^(?:a(?:\s.*)?|([bc])(?: (\*|\d+):(\*|\d+))?(?: ([rwm]+))?)$/;

function covers(part: string | undefined, number: number): boolean {
  return part === undefined || part === '*' || Number(part) === number;
}

/** What a rule is about, of a character device; null: it is about others, or is none. */
function useIn(value: string, { major, minor }: DeviceNumber): DeviceUse | null {
  const rule = rulePattern.exec(value);
  const [, type, majorPart, minorPart, access = 'rwm'] = rule ?? [];
  if (rule === null || type === 'b') return null;
  if (!covers(majorPart, major) || !covers(minorPart, minor)) return null;
  return { read: access.includes('r'), write: access.includes('w') };
}

/**
 * What a container's configuration lets it do with a character device, by its rules for one version of cgroups, in their order; nothing is said but what they say.
 * Where rules overlap this may be less than what the kernel makes of them, never more. Pure.
 */
export function useGiven(
  items: readonly LxcConfigItem[],
  version: keyof typeof controllers,
  device: DeviceNumber,
): DeviceUse {
  let given: DeviceUse = { read: false, write: false };
  for (const { key, value } of items) {
    const use = useIn(value, device);
    if (use === null) continue;
    const { read, write } = given;
    if (key === `${controllers[version]}.allow`)
      given = { read: read || use.read, write: write || use.write };
    if (key === `${controllers[version]}.deny`)
      given = { read: read && !use.read, write: write && !use.write };
  }
  return given;
}

/**
 * Whether a provider may pass a device on (LINK-7): one that its configuration lets it read and write itself, by its rules for either version of cgroups.
 * `items` are all of its rules, those that every container has included. Pure.
 */
export function grantsDevice(items: readonly LxcConfigItem[], device: DeviceNumber): boolean {
  return (['v1', 'v2'] as const)
    .map((version) => useGiven(items, version, device))
    .some(({ read, write }) => read && write);
}
