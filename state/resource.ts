import type { Json } from './json.ts';

/**
 * Resources: what a revision is compiled into (desired) and what an adapter reports (observed).
 * Specs are plain frozen JSON. Two specs are equal exactly when their digests are (`digestOf(spec)`).
 */

/** A bridge on this host that containers attach to; Holdfast makes it, or adopts one that was there (POOL-4). */
export interface BridgePoolSpec {
  readonly type: 'bridge';
  /** Name of the pool in `device.json`. */
  readonly name: string;
  /** Interface name, 1-15 bytes. */
  readonly bridge: string;
  /** CIDR without host bits, e.g. `10.0.5.0/24`. */
  readonly subnet: string;
  /** IPv4 address inside `subnet`, e.g. `10.0.5.1`; the bridge carries it. */
  readonly gateway: string;
  /** Masquerade what leaves the subnet by another interface (POOL-5). */
  readonly nat: boolean;
  /** Drop what is forwarded between this pool and other isolated pools (POOL-8). */
  readonly isolated: boolean;
}

/** The address that a pool's bridge carries, with its prefix: `10.0.5.1/24`. */
export function gatewayAddress(spec: BridgePoolSpec): string {
  return `${spec.gateway}${spec.subnet.slice(spec.subnet.indexOf('/'))}`;
}

/** Containers get a macvlan interface on `parent` (POOL-7). The host makes nothing. */
export interface MacvlanPoolSpec {
  readonly type: 'macvlan';
  readonly name: string;
  /** Existing host interface, 1-15 bytes. */
  readonly parent: string;
  readonly subnet: string;
  /** The router on the parent's network. */
  readonly gateway: string;
}

export type PoolSpec = BridgePoolSpec | MacvlanPoolSpec;

/** An address of a pool, held for one interface of one container (LEASE-4). */
export interface LeaseSpec {
  readonly pool: string;
  readonly container: string;
  /** Interface inside the container, e.g. `eth0`. */
  readonly interface: string;
  /** Dotted quad. Null exactly where the resource has a conflict: there is no address to hold. */
  readonly address: string | null;
  /** The manifest asks for this very address. */
  readonly static: boolean;
  /** Prefix length of the pool's subnet. */
  readonly prefix: number;
  /** `02:00:` + the four octets, unless the manifest gives one (LEASE-3). Null where address is. */
  readonly mac: string | null;
  /** Names under which the other containers of the pool reach this address (CTR-5): container name, hostname. */
  readonly names: readonly string[];
}

/** Where the read-only lower layer of a container's root comes from (CTR-4). */
export type RootVolume =
  /** A squashfs image in the object store. */
  | { readonly type: 'object'; readonly sha256: string }
  /** A directory of the host, for development (`root-volume: "dir:/absolute"`). */
  | { readonly type: 'directory'; readonly path: string };

/**
 * How long what a container writes to its root is kept: `permanent` always; `revision` until the container's own
 * spec changes; `boot` until the host boots again.
 */
export type Persistence = 'permanent' | 'revision' | 'boot';

/** One network interface of a container on a pool, fully resolved. */
export interface NetworkInterface {
  /** Name inside the container. */
  readonly name: string;
  readonly pool: string;
  readonly type: 'veth' | 'macvlan';
  /** Host interface: the pool's bridge, or its parent. */
  readonly link: string;
  readonly address: string;
  readonly prefix: number;
  /** Default route; null for every interface but the first, since a container has one default route. */
  readonly gateway: string | null;
  readonly mac: string;
}

export type ContainerNetwork =
  | { readonly mode: 'pool'; readonly interfaces: readonly NetworkInterface[] }
  /** The host's own network namespace. */
  | { readonly mode: 'host' }
  /** A namespace of its own with loopback only: also what a container gets that says nothing about its network. */
  | { readonly mode: 'none' }
  /** As the `lxc.net.*` lines in its own `lxc.container.conf` say. */
  | { readonly mode: 'lxc' };

/** One line of an LXC configuration, e.g. `{ key: 'lxc.init.cmd', value: '/bin/app' }`. */
export interface LxcConfigItem {
  readonly key: string;
  readonly value: string;
}

/**
 * A file that the revision puts into a container's root (`_config/<container>/<path>`, CTR-4). `path` is inside the
 * root, without leading slash, normalised, no `..`. A `.json` file stands in the state as a document, any other as an object.
 */
export type ConfigFile =
  | { readonly path: string; readonly sha256: string }
  | { readonly path: string; readonly document: Json };

/**
 * What a container has to reach to count as up (CTR-6). MOUNTED: its root is there, and nothing of it runs. STARTED: it
 * runs. READY: it runs, and has said through the socket that is mounted into it that it is ready.
 */
export type StatusGoal = 'MOUNTED' | 'STARTED' | 'READY';

/** A container, resolved down to its addresses: nothing else is needed to start it. */
export interface ContainerSpec {
  readonly name: string;
  readonly hostname: string;
  readonly root: RootVolume;
  readonly persistence: Persistence;
  readonly network: ContainerNetwork;
  /** From `lxc.container.conf`, in order, only what the allow-list lets through. */
  readonly config: readonly LxcConfigItem[];
  readonly files: readonly ConfigFile[];
  readonly goal: StatusGoal;
  /**
   * Names the present state of all containers whose change is a system transition (ROLL-8), so that a change of one of
   * them is a change of every container; null where there are none.
   */
  readonly system: string | null;
}

/** A group of containers (CTR-6). Nothing on the host is made of it: it is reached when all of its containers are. */
export interface GroupSpec {
  readonly name: string;
  /** Place among the groups, from 0. */
  readonly rank: number;
  /** How long its containers may take to reach their goals once the group before has, milliseconds. */
  readonly timeoutMs: number;
}

/** What a rule of ingress leads to, resolved (ING-4). */
export type Backend =
  /** An address of a pool, with the bridge that it is behind; 127.0.0.1, behind none, for a container in the host's network. */
  | {
      readonly type: 'address';
      readonly address: string;
      readonly port: number;
      readonly link: { readonly bridge: string; readonly subnet: string } | null;
    }
  /** A unix socket: an absolute path in the container's own root. */
  | { readonly type: 'socket'; readonly container: string; readonly socket: string };

/** One rule of `ingress[]` as its listener serves it (ING-1). */
export interface RouteSpec {
  /** Name of the rule. */
  readonly rule: string;
  /** http: host name in lower case, `*.example` for all below it; null: every host. tcp: null. */
  readonly host: string | null;
  /** http: prefix in whole segments, without a slash at the end; empty: every path. tcp: empty. */
  readonly path: string;
  /** http: the prefix is passed on. */
  readonly keepPrefix: boolean;
  readonly provider: string;
  readonly service: string;
  /** Null: it could not be resolved. http answers 503 then; nothing listens for tcp. */
  readonly backend: Backend | null;
}

/** Where the host listens for what is served by containers, and where that goes (ING-2, ING-3). */
export interface ListenerSpec {
  readonly type: 'tcp' | 'http';
  /**
   * Addresses of the host to listen at, at least one: dotted quads, IPv6 addresses as RFC 5952 writes them; `0.0.0.0` and `::` are every
   * address of their family, and of theirs alone. No two listeners have one in common on the same port.
   */
  readonly addresses: readonly string[];
  /** 1-65535. */
  readonly port: number;
  /** tcp: exactly one. http: at least one, in the order in which they are tried; the first that matches host and path serves. */
  readonly routes: readonly RouteSpec[];
}

/** What a service is, as its provider names it, of those that can be linked (LINK-1). */
export type LinkType = 'unix' | 'rest' | 'dbus' | 'drm' | 'wayland';

/** A service of one container as another one has it (LINK-3). One consumer may have several links to one service, each at a target of its own. */
export interface LinkSpec {
  readonly type: LinkType;
  /** Name of the service. */
  readonly service: string;
  readonly consumer: string;
  readonly provider: string;
  /** Where the provider has it: an absolute path in its own root, of a socket, or of a device node (drm). */
  readonly socket: string;
  /** Where the consumer has it: an absolute, normalised path in its own root, of nothing else. */
  readonly target: string;
  /** As whom the consumer calls (LINK-5, LINK-6); `any` where nothing is said (LINK-9). */
  readonly role: string;
  /** dbus: the name or interface that may be called, and its objects alone (LINK-6). Null: nothing is said. */
  readonly interface: string | null;
}

/** When a container that has exited by itself is started again (CTR-8). */
export interface Recovery {
  readonly policy: 'no' | 'always' | 'on-failure' | 'unless-stopped';
  /** Restarts in a row; null: no limit. */
  readonly maxRetries: number | null;
  /** Before the first restart, milliseconds. */
  readonly retryDelayMs: number;
  /** By which the delay grows with each restart in a row; at least 1. */
  readonly backoffFactor: number;
  /** Having run this long, restarts count from 0 again; milliseconds. */
  readonly resetWindowMs: number;
  /** How long it has to run before a revision on trial may be committed, milliseconds. */
  readonly stableTimeoutMs: number;
}

/** What of a container is no part of what it is made from: changing it restarts nothing. */
export interface Lifecycle {
  /** Null: in none; it is started after all groups. */
  readonly group: string | null;
  /** Place of its group, from 0: lower ones start before and stop after it. Those in none share the place after the last group. */
  readonly rank: number;
  /** Null: the manifest says nothing. It is started again after any exit, at once and then with growing delays (ENG-3). */
  readonly recovery: Recovery | null;
}

/** One map from kind to spec generates every other type. */
export interface SpecByKind {
  readonly pool: PoolSpec;
  readonly lease: LeaseSpec;
  readonly group: GroupSpec;
  readonly container: ContainerSpec;
  readonly listener: ListenerSpec;
  readonly link: LinkSpec;
}

export type Kind = keyof SpecByKind;

/** `pool/<name>`, `lease/<pool>/<container>/<interface>`, `group/<name>`, `container/<name>`, `listener/<address>:<port>`, `link/<consumer><target>`. */
export type Key = `${Kind}/${string}`;

/** All kinds, dependencies first. */
export const kinds: readonly Kind[] = ['pool', 'lease', 'group', 'container', 'listener', 'link'];

export const poolKey = (name: string): Key => `pool/${name}`;
export const leaseKey = (pool: string, container: string, networkInterface: string): Key =>
  `lease/${pool}/${container}/${networkInterface}`;
export const groupKey = (name: string): Key => `group/${name}`;
export const containerKey = (name: string): Key => `container/${name}`;
/** `name` as `listenerName` spells it: `:80`, `10.0.0.1:80`, `[::1]:80`. */
export const listenerKey = (name: string): Key => `listener/${name}`;

/** Names of containers have no slash, and targets begin with one: `link/client/run/pv/services/raw.sock`. */
export const linkKey = (consumer: string, target: string): Key => `link/${consumer}${target}`;

/** The kind that a key names. */
export function kindOf(key: Key): Kind {
  return key.slice(0, key.indexOf('/')) as Kind;
}

/** The part of a key after its kind. */
export function nameOf(key: Key): string {
  return key.slice(key.indexOf('/') + 1);
}

/**
 * Something that is wrong only against this device or other resources (ENG-8): the resource is blocked, the
 * revision is not refused.
 */
export interface Conflict {
  /** Stable code, as in findings. */
  readonly code: string;
  readonly message: string;
  /** The resource that holds what this one wants, where there is one. */
  readonly holder?: Key;
  /** A trial neither fails by it nor waits for it: what it is about is left out, and all else serves (ING-4). */
  readonly tolerated?: true;
}

/** What a revision wants of one resource. */
export interface DesiredResource<K extends Kind = Kind> {
  readonly key: Key;
  readonly kind: K;
  readonly spec: SpecByKind[K];
  /** `digestOf(spec)`. */
  readonly digest: string;
  /** Resources that must be in place before this one can be made; all of them exist in desired, unless `conflict` is set. */
  readonly dependsOn: readonly Key[];
  /** JSON pointers into the revision's state: where this resource is declared. */
  readonly pointers: readonly string[];
  /** Known at compile time: this resource cannot be made here and now. */
  readonly conflict?: Conflict;
  /** Of every container, and of nothing else. */
  readonly lifecycle?: Lifecycle;
  /** Of a link that its consumer can do without (LINK-1, `optional`): no trial waits for it, nor fails by it. */
  readonly optional?: true;
}

/** How a container's init ended. */
export interface ContainerExit {
  /** Exit status 0-255; null where a signal ended it, or nobody saw it end. */
  readonly code: number | null;
  /** `SIGKILL` and so on; null where it exited, or nobody saw it end. */
  readonly signal: string | null;
  /** When it was seen to have ended, milliseconds since the epoch. */
  readonly at: number;
  /** The last lines that it wrote to its console, oldest first; absent: none are known. */
  readonly log?: readonly string[];
}

/** Facts about a resource that are seen but are no part of what it is made from. */
export interface FactsByKind {
  readonly pool: {
    /** The bridge was there before us: it is used and never deleted (POOL-4). */
    readonly adopted: boolean;
    /** What the pool does without on this host, in plain sentences (POOL-5); absent: nothing. */
    readonly warnings?: readonly string[];
  };
  readonly lease: Readonly<Record<never, never>>;
  /** No group is ever observed. */
  readonly group: Readonly<Record<never, never>>;
  readonly container: {
    readonly running: boolean;
    /** Process id of the container's init in the host's pid namespace; null while it does not run. */
    readonly pid: number | null;
    /** It has signalled that it is ready since it was last started; false for one that does not run (CTR-6). */
    readonly ready: boolean;
    /**
     * How it ended, where it ended by itself since the host booted and was not started since; null: it runs, it was
     * stopped by us, or nobody knows. Kept across restarts of the controller.
     */
    readonly exit: ContainerExit | null;
  };
  readonly listener: {
    /** Who carries what comes in at each of its addresses, in their order. */
    readonly carriers: readonly ListenerCarrier[];
    /** What it does without on this host, in plain sentences; absent: nothing. */
    readonly warnings?: readonly string[];
  };
  readonly link: {
    readonly carrier: LinkCarrier;
    readonly provider: LinkEnd;
    readonly consumer: LinkEnd;
    /**
     * What it waits for, in one sentence without a full stop: all that can be made of it now is made, and the provider has yet to make its
     * socket (`there is no /run/example/raw.sock in container 'server'`). Null: it can be used.
     */
    readonly awaits: string | null;
    /** drm: `major:minor` of the device; absent for anything else, and while there is none. */
    readonly device?: string;
  };
}

/** One end of a link that was made. */
export interface LinkEnd {
  /** Process id of the container's init when the link was made; null: not known. */
  readonly pid: number | null;
  /** Inode of what that container has: the provider's socket or node, and what the consumer finds at the target; null: not known. */
  readonly inode: number | null;
}

/** `kernel`: no process of ours is on the way (LINK-4). `dbus-proxy`, `haproxy`, `builtin`: that process is. `model`: nothing real is there. */
export type LinkCarrier = 'kernel' | 'haproxy' | 'builtin' | 'dbus-proxy' | 'model';

/** `kernel`: no process of ours is on the way (ING-9). `model`: nothing real listens. */
export type ListenerCarrier = 'kernel' | 'haproxy' | 'builtin' | 'model';

/**
 * What an adapter sees of one resource of ours. `spec` is the one it was made from (kept with the object, so that it
 * is known after a crash of the controller); `drift` says in plain words what of it does not hold any more.
 */
export interface ObservedResource<K extends Kind = Kind> {
  readonly key: Key;
  readonly kind: K;
  readonly spec: SpecByKind[K];
  readonly digest: string;
  /** Empty when all is as `spec` says. A container that should run and does not has `['not running']`. */
  readonly drift: readonly string[];
  readonly facts: FactsByKind[K];
}
