import type { ContainerNetwork, LxcConfigItem, NetworkInterface } from '../../state/resource.ts';

/** What the generated configuration of one container is made from. Every path is absolute. */
export interface ConfigurationInput {
  readonly hostname: string;
  readonly network: ContainerNetwork;
  /** The container's own items, in their order. */
  readonly own: readonly LxcConfigItem[];
  /** Lower layers of the root, uppermost first. */
  readonly lowerLayers: readonly string[];
  /** The writable layer. LXC makes `work` beside it. */
  readonly upperLayer: string;
  /** Mounted read-only over `hostsTarget`; null: the container's own stays. */
  readonly hostsFile: string | null;
  /** An existing file of the root, relative to it and without links. */
  readonly hostsTarget: string;
  readonly consoleLog: string;
  /** Asks the container's init to end. Null: LXC finds out by itself. */
  readonly haltSignal: string | null;
  /** Name of the host's end of an interface. */
  readonly hostInterface: (networkInterface: NetworkInterface) => string;
}

/** 1 MiB of console output is kept, then LXC starts the file over. A power of two, as LXC demands. */
const consoleLogSize = '1MB';

/** As in LXC's own `common.conf`: what no container needs and what would reach the host. */
const droppedCapabilities = 'mac_admin mac_override sys_time sys_module sys_rawio';

/** As in LXC's own `common.conf`: null, zero, full, random, urandom, tty, console, ptmx, pts; making any node is allowed, using it not. */
const allowedDevices = [
  'c *:* m',
  'b *:* m',
  'c 1:3 rwm',
  'c 1:5 rwm',
  'c 1:7 rwm',
  'c 1:8 rwm',
  'c 1:9 rwm',
  'c 5:0 rwm',
  'c 5:1 rwm',
  'c 5:2 rwm',
  'c 136:* rwm',
];

/** Keys that only this file writes: the container's own lines never get a say in them, whatever let them through. */
const reservedKeys = [
  'lxc.rootfs',
  'lxc.uts',
  'lxc.console',
  'lxc.log',
  'lxc.hook',
  'lxc.include',
  'lxc.namespace.keep',
];

function isReserved(key: string, network: ContainerNetwork): boolean {
  if (key.startsWith('lxc.net') && network.mode !== 'lxc') return true;
  return reservedKeys.some((reserved) => key === reserved || key.startsWith(`${reserved}.`));
}

/** One line. Throws RangeError on what would become another line, or another value once LXC has read it. */
function line({ key, value }: LxcConfigItem): string {
  if (!/^lxc\.[a-z0-9._]+$/.test(key) || /\p{Cc}/u.test(value)) {
    throw new RangeError(
      `${JSON.stringify(key)} = ${JSON.stringify(value)} can't stand in an LXC configuration: a key is lxc.* in lower ` +
        'case, a value has no control characters',
    );
  }
  return `${key} = ${value}`;
}

/** A field of an fstab(5) line. */
function fstabField(text: string): string {
  return text.replace(/[\s\\]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

function interfaceItems(face: NetworkInterface, index: number, hostName: string): readonly LxcConfigItem[] {
  const item = (name: string, value: string) => ({ key: `lxc.net.${index}.${name}`, value });
  return [
    item('type', face.type),
    item('link', face.link),
    face.type === 'veth' ? item('veth.pair', hostName) : item('macvlan.mode', 'bridge'),
    item('name', face.name),
    item('hwaddr', face.mac),
    item('ipv4.address', `${face.address}/${face.prefix}`),
    ...(face.gateway === null ? [] : [item('ipv4.gateway', face.gateway)]),
    item('flags', 'up'),
  ];
}

function networkItems({ network, hostInterface }: ConfigurationInput): readonly LxcConfigItem[] {
  switch (network.mode) {
    case 'pool':
      return network.interfaces.flatMap((face, index) => interfaceItems(face, index, hostInterface(face)));
    case 'host':
      return [{ key: 'lxc.net.0.type', value: 'none' }];
    case 'none':
      return [
        { key: 'lxc.net.0.type', value: 'empty' },
        { key: 'lxc.net.0.flags', value: 'up' },
      ];
    case 'lxc':
      return [];
  }
}

/** Namespaces shared with the host: what the container asks for, but for the network, which its mode decides (CTR-3). */
function namespaceItems({ own }: ConfigurationInput): readonly LxcConfigItem[] {
  const kept = own
    .filter(({ key }) => key === 'lxc.namespace.keep')
    .flatMap(({ value }) => value.split(/\s+/))
    .filter((name) => name !== '' && name !== 'net');
  return kept.length === 0 ? [] : [{ key: 'lxc.namespace.keep', value: kept.join(' ') }];
}

/**
 * What a container gets whatever it says: its own lines come after and can add a device or drop more, but not take
 * away the list itself. Capabilities to keep are a list of their own, which validation keeps clear of the host's.
 */
function defaultItems({ own, haltSignal }: ConfigurationInput): readonly LxcConfigItem[] {
  const says = (key: string) => own.some((item) => item.key === key || item.key.startsWith(`${key}.`));
  const items: LxcConfigItem[] = [];
  if (!says('lxc.mount.auto')) items.push({ key: 'lxc.mount.auto', value: 'proc:mixed sys:mixed' });
  if (!says('lxc.pty.max')) items.push({ key: 'lxc.pty.max', value: '1024' });
  if (!says('lxc.cap.keep')) items.push({ key: 'lxc.cap.drop', value: droppedCapabilities });
  if (haltSignal !== null && !says('lxc.signal.halt'))
    items.push({ key: 'lxc.signal.halt', value: haltSignal });
  for (const controller of ['lxc.cgroup.devices', 'lxc.cgroup2.devices']) {
    items.push({ key: `${controller}.deny`, value: 'a' });
    for (const value of allowedDevices) items.push({ key: `${controller}.allow`, value });
  }
  return items;
}

function hostsItems({ hostsFile, hostsTarget }: ConfigurationInput): readonly LxcConfigItem[] {
  if (hostsFile === null) return [];
  const value = `${fstabField(hostsFile)} ${fstabField(hostsTarget)} none bind,ro 0 0`;
  return [{ key: 'lxc.mount.entry', value }];
}

/**
 * The whole LXC configuration of a container (lxc.container.conf(5)), ending in a newline. Pure: the same input
 * gives the same text. Throws RangeError rather than writing a line that LXC would read as something else.
 */
export function lxcConfiguration(input: ConfigurationInput): string {
  const items = [
    ...defaultItems(input),
    ...input.own.filter(({ key }) => !isReserved(key, input.network)),
    ...namespaceItems(input),
    { key: 'lxc.uts.name', value: input.hostname },
    { key: 'lxc.rootfs.path', value: `overlay:${[...input.lowerLayers, input.upperLayer].join(':')}` },
    ...networkItems(input),
    ...hostsItems(input),
    { key: 'lxc.console.logfile', value: input.consoleLog },
    { key: 'lxc.console.size', value: consoleLogSize },
  ];
  return `# Generated by Holdfast at every start of the container; changes made here are lost.\n${items.map(line).join('\n')}\n`;
}
