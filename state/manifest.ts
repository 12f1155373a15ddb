import type { IngressRule } from './ingress.ts';
import type {
  ConfigFile,
  LxcConfigItem,
  Persistence,
  PoolSpec,
  Recovery,
  RootVolume,
  StatusGoal,
} from './resource.ts';
import type { ObjectReference } from './revision.ts';

/** `device.json`, read: every default filled in. Addresses of pools are resolved; nothing else is. */
export interface DeviceManifest {
  /** In the order of the document. Pools with an error are absent. */
  readonly pools: ReadonlyMap<string, PoolSpec>;
  /** In the order of the document, which is the order of start (CTR-6). */
  readonly groups: readonly GroupManifest[];
  /** In the order of the document. Rules with an error are absent. */
  readonly ingress: readonly IngressRule[];
}

/** What a change of a container restarts: every container, or that one alone. */
export type RestartPolicy = 'system' | 'container';

export interface GroupManifest {
  readonly name: string;
  /** `system`: a change of one of its containers is a system transition (ROLL-8). */
  readonly restartPolicy: RestartPolicy;
  readonly statusGoal: StatusGoal;
  readonly timeoutSeconds: number;
  /** For its containers that say nothing themselves; null: the group says nothing either. */
  readonly recovery: Partial<Recovery> | null;
}

/** One interface that a container asks for, before it has an address. */
export interface InterfaceManifest {
  /** Name inside the container; `eth0`, `eth1`, … where the manifest gives none. */
  readonly name: string;
  readonly pool: string;
  /** Asked for; null: any free one. Not yet checked against the pool (that is a conflict, LEASE-5). */
  readonly staticAddress: string | null;
  readonly mac: string | null;
  /** JSON pointer to the place that asks for it. */
  readonly pointer: string;
}

export type NetworkManifest =
  | { readonly mode: 'pool'; readonly interfaces: readonly InterfaceManifest[] }
  | { readonly mode: 'host' }
  | { readonly mode: 'none' }
  | { readonly mode: 'lxc' };

/** One entry of a container's services.json (LINK-1, ING-4). */
export interface ServiceManifest {
  readonly name: string;
  readonly type: 'unix' | 'rest' | 'dbus' | 'drm' | 'wayland' | 'tcp' | 'http';
  /** Absolute path in the container; null: it has none. */
  readonly socket: string | null;
  /** 1-65535; null: it has none. */
  readonly port: number | null;
  /** JSON pointer to the entry. */
  readonly pointer: string;
}

/** One service that a container uses (LINK-1). */
export interface ServiceRequirement {
  readonly name: string;
  /** Null: whatever the service of this name is. */
  readonly type: ServiceManifest['type'] | null;
  /** Absolute and normalised; null: nothing is said. */
  readonly target: string | null;
  /** Null: nothing is said. */
  readonly interface: string | null;
  /** Null: nothing is said. */
  readonly role: string | null;
  /** The container can do without. */
  readonly optional: boolean;
  /** JSON pointer to the entry. */
  readonly pointer: string;
}

/** One container, read from all of its documents (REV-4, REV-5): what its components say, before anything is allocated. */
export interface ContainerManifest {
  readonly name: string;
  /** Defaults to the name. */
  readonly hostname: string;
  readonly group: string | null;
  /** Null: as its group says. */
  readonly statusGoal: StatusGoal | null;
  /** Null: as its group says. */
  readonly restartPolicy: RestartPolicy | null;
  /** What it says itself; the rest is as its group says, then as is usual. Null: nothing. */
  readonly recovery: Partial<Recovery> | null;
  readonly root: RootVolume;
  readonly persistence: Persistence;
  readonly network: NetworkManifest;
  readonly config: readonly LxcConfigItem[];
  readonly files: readonly ConfigFile[];
  /** IPv4 addresses that stand in its `lxc.container.conf`: kept free for it in any pool that has them (LEASE-6). */
  readonly reservedAddresses: readonly string[];
  /** What it provides, in the order of the document. */
  readonly services: readonly ServiceManifest[];
  /** What it uses, in the order of the documents. No two have the same target. */
  readonly requirements: readonly ServiceRequirement[];
  /** JSON pointer to its `run.json`. */
  readonly pointer: string;
  readonly objects: readonly ObjectReference[];
}
