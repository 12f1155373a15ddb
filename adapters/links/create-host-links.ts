import type { LxcConfigItem } from '../../state/resource.ts';
import { createDeviceAccess } from '../linux/cgroup-device-access.ts';
import { ContainerHandle, NoContainer } from '../linux/container-handle.ts';
import { DeviceNodes } from '../linux/device-nodes.ts';
import { grantsDevice } from '../linux/device-rules.ts';
import { containerRootOf, idMapsOf } from '../linux/id-map.ts';
import { createLinkTargets } from '../linux/mounted-link-targets.ts';
import { createProviderSockets } from '../linux/mounted-provider-sockets.ts';
import type { After } from '../linux/network-monitor.ts';
import { boundedProxy } from '../proxy/bounded-proxy.ts';
import { chosenProxy, type ProxyChoice } from '../proxy/chosen-proxy.ts';
import { HostLinks } from './host-links.ts';
import type { RunningContainer } from './link-record.ts';
import { type IsInit, providerUser } from './provider-roles.ts';

export interface CreateHostLinksOptions {
  /** Directory under which this instance keeps everything; must exist. */
  readonly root: string;
  /** What carries rest links. */
  readonly proxy: ProxyChoice;
  readonly isInit: IsInit;
  /** The device rules that a container is started with, in their order, as LXC writes them; none for one that is not known. */
  readonly deviceRules: (container: string) => readonly LxcConfigItem[];
  /** The clock's. */
  readonly after: After;
}

/** The links of one instance on this Linux. What some kind of links needs alone is loaded with the first one of it. */
export function createHostLinks({
  root,
  proxy,
  isInit,
  deviceRules,
  after,
}: CreateHostLinksOptions): HostLinks {
  return new HostLinks({
    root,
    sources: createProviderSockets({ root, directory: 'run/link-sockets', isInit, after }),
    targets: createLinkTargets({ root, isInit, after }),
    devices: createDeviceAccess({ isInit, rulesOf: deviceRules }),
    nodes: new DeviceNodes({ root }),
    rest: async () => {
      const found = await chosenProxy({ choice: proxy, root, directory: 'run/link-proxy', after });
      return { name: found.name, ...boundedProxy(`${found.name}, of links`, found, after) };
    },
    dbus: async () => {
      const { createDbusProxy } = await import('../proxy/dbus/dbus-proxy.ts');
      return boundedProxy('of D-Bus links', createDbusProxy({ root, after }), after);
    },
    roleUser: (provider, role) => providerUser(provider, role, isInit),
    rootUser: (container) => rootUser(container, isInit),
    passesOn: (container, device) => grantsDevice(deviceRules(container), device),
  });
}

function rootUser(
  { name, pid }: RunningContainer,
  isInit: IsInit,
): { readonly uid: number; readonly gid: number } {
  const handle = new ContainerHandle(pid);
  try {
    const root = isInit(name, pid) && handle.isThere ? containerRootOf(idMapsOf(handle)) : null;
    if (root !== null) return root;
  } finally {
    handle.close();
  }
  throw new NoContainer(`process ${pid} is not the init of container '${name}' any more, or has no root`);
}
