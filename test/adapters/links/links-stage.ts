import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { NEVER, Subject, type Subscription } from 'rxjs';
import type { WatchEvent } from '../../../adapters/adapter.ts';
import { HostLinks } from '../../../adapters/links/host-links.ts';
import { NoContainer } from '../../../adapters/linux/container-handle.ts';
import type { DeviceNumber } from '../../../adapters/linux/device-access.ts';
import type { LinkSource, LinkTarget } from '../../../adapters/linux/link-targets.ts';
import type { ProviderSight, ProviderSocket } from '../../../adapters/linux/provider-sockets.ts';
import type { DbusListener } from '../../../adapters/proxy/dbus-proxy.ts';
import type { RestListener, ServedListener } from '../../../adapters/proxy/proxy.ts';

const nameOf = ({ container, socket, type = 'socket' }: ProviderSocket) => `${container}:${socket}:${type}`;
const placeOf = ({ container, target }: LinkTarget) => `${container}:${target}`;

/** The kernel and the processes that links are made of: what outlives a controller, and calls of it that fail when they are told to. */
export class LinkHost {
  readonly root: string;
  /** What providers have. */
  readonly provided = new Map<string, Extract<ProviderSight, { readonly state: 'shown' }>>();
  /** What is at targets: the path of the source. */
  readonly placed = new Map<string, string>();
  readonly kept = new Map<string, ProviderSocket>();
  readonly nodes = new Set<string>();
  /** `name pid major:minor`; nothing outlives the process. */
  readonly allowed = new Set<string>();
  readonly pids = new Map<string, number>();
  rest: readonly RestListener[] = [];
  dbus: readonly DbusListener[] = [];
  /** Calls that fail: before they have done anything, or after. */
  fails: (call: string) => 'before' | 'after' | null = () => null;
  readonly calls: string[] = [];

  constructor(t: ExecutionContext) {
    const root = mkdtempSync(join(tmpdir(), 'holdfast-links-'));
    t.teardown(() => rmSync(root, { recursive: true }));
    this.root = root;
  }

  checkRuns(container: string, pid = this.pids.get(container)): void {
    if (pid === undefined || this.pids.get(container) !== pid)
      throw new NoContainer(`container '${container}' does not run`);
  }

  async call<T>(name: string, work: () => T): Promise<T> {
    this.calls.push(name);
    const fault = this.fails(name);
    await Promise.resolve();
    if (fault === 'before') throw new Error(`${name} failed`);
    const result = work();
    if (fault === 'after') throw new Error(`${name} failed late`);
    return result;
  }

  /** All that there is of any link. */
  get leftovers() {
    const { placed, kept, nodes, allowed, rest, dbus, root } = this;
    const records = readdirSync(root, { recursive: true }).filter((name) => `${name}`.endsWith('.json'));
    return {
      placed: [...placed].sort(),
      kept: [...kept.keys()].sort(),
      nodes: [...nodes].sort(),
      allowed: [...allowed].sort(),
      rest: rest.map(({ name }) => name).sort(),
      dbus: dbus.map(({ name }) => name).sort(),
      records: records.length,
    };
  }
}

export const nothingLeft: LinkHost['leftovers'] = {
  placed: [],
  kept: [],
  nodes: [],
  allowed: [],
  rest: [],
  dbus: [],
  records: 0,
};

/** One controller's links on such a host, watched. */
export class LinksStage {
  readonly host: LinkHost;
  readonly links: HostLinks;
  readonly events: WatchEvent[] = [];
  /** Why the watch has ended; null: it goes on. */
  ended: unknown = null;
  readonly #sources = new Subject<ProviderSocket>();
  readonly #targets = new Subject<LinkTarget>();
  readonly #watching: Subscription;

  constructor(host: LinkHost) {
    this.host = host;
    this.links = new HostLinks({
      root: host.root,
      sources: this.#providerSockets(),
      targets: this.#linkTargets(),
      devices: {
        allow: ({ name, pid }, device) =>
          host.call('allow', () => {
            host.checkRuns(name, pid);
            host.allowed.add(ruleOf(name, pid, device));
          }),
        deny: ({ name, pid }, device) =>
          host.call('deny', () => void host.allowed.delete(ruleOf(name, pid, device))),
      },
      nodes: {
        ensure: (name) => host.call('node', () => `/nodes/${[...host.nodes.add(name)].indexOf(name)}`),
        remove: (name) => host.call('unnode', () => void host.nodes.delete(name)),
        keepOnly: async (names) => {
          const kept = new Set(names);
          for (const name of host.nodes) if (!kept.has(name)) host.nodes.delete(name);
        },
      },
      rest: async () => ({
        name: 'builtin',
        observe: () =>
          host.call('observe', () =>
            host.rest.length === 0 ? null : { pid: 2, listeners: host.rest, reloads: 0 },
          ),
        serve: (listeners) =>
          host.call('rest', () => {
            host.rest = listenAt(listeners.filter(isRest), host.rest);
          }),
        traffic: async () => [],
        watch: () => NEVER,
        close: () => undefined,
      }),
      dbus: async () => ({
        observe: async () => (host.dbus.length === 0 ? null : { pid: 3, listeners: host.dbus }),
        serve: (listeners) =>
          host.call('dbus', () => {
            host.dbus = listenAt(listeners, host.dbus);
          }),
        traffic: async () => [],
        watch: () => NEVER,
        close: () => undefined,
      }),
      roleUser: () => host.call('role', () => ({ uid: 5, gid: 5, claimedUid: 5 })),
      rootUser: () => ({ uid: 0, gid: 0 }),
      passesOn: (_, { major }) => major === 226,
    });
    this.#watching = this.links.watch().subscribe({
      next: (event) => this.events.push(event),
      error: (error: unknown) => {
        this.ended = error;
      },
    });
  }

  /** The container runs as a process of this id; null: it does not. */
  move(container: string, pid: number | null): void {
    const { pids, placed, allowed } = this.host;
    if (pids.get(container) !== pid) {
      for (const place of placed.keys()) if (place.startsWith(`${container}:`)) placed.delete(place);
      for (const rule of allowed) if (rule.startsWith(`${container} `)) allowed.delete(rule);
    }
    if (pid === null) pids.delete(container);
    else pids.set(container, pid);
    this.links.containerMoved(container, pid);
    for (const kept of this.host.kept.values()) if (kept.container === container) this.#sources.next(kept);
  }

  /** What the provider has there is another one from now on; null: it has nothing. */
  provide(source: ProviderSocket, inode: number | null, node: DeviceNumber | null = null): void {
    if (inode === null) this.host.provided.delete(nameOf(source));
    else this.host.provided.set(nameOf(source), { state: 'shown', device: 1, inode, node });
    if (this.host.kept.has(nameOf(source))) this.#sources.next(source);
  }

  /** Something may be another at the target. */
  tell(target: LinkTarget): void {
    this.#targets.next(target);
  }

  /** All that was begun has ended. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
  }

  /** As if the controller was killed. */
  close(): void {
    this.#watching.unsubscribe();
    this.links.close();
  }

  #sightOf(source: ProviderSocket): ProviderSight | null {
    if (!this.host.kept.has(nameOf(source))) return null;
    const runs = this.host.pids.has(source.container);
    return (
      (runs ? this.host.provided.get(nameOf(source)) : null) ?? { state: 'absent', why: 'nothing is there' }
    );
  }

  #providerSockets(): ConstructorParameters<typeof HostLinks>[0]['sources'] {
    const { host } = this;
    return {
      pathOf: (socket) => `/shown/${nameOf(socket)}`,
      keep: async (sockets) => {
        host.kept.clear();
        for (const one of sockets) host.kept.set(nameOf(one), one);
      },
      add: (sockets) =>
        host.call('add', () => {
          for (const one of sockets) host.kept.set(nameOf(one), one);
        }),
      drop: (sockets) =>
        host.call('drop', () => {
          for (const one of sockets) host.kept.delete(nameOf(one));
        }),
      moved: () => undefined,
      sightOf: (socket) => this.#sightOf(socket),
      problemOf: () => null,
      changed: this.#sources,
      close: () => undefined,
    };
  }

  #linkTargets(): ConstructorParameters<typeof HostLinks>[0]['targets'] {
    const { host } = this;
    const inodeOf = (path: string) =>
      [...host.provided].find(([name]) => path === `/shown/${name}`)?.[1].inode ??
      statSync(path, { throwIfNoEntry: false })?.ino ??
      0;
    return {
      attend: async () => undefined,
      tidy: () => undefined,
      moved: () => undefined,
      place: (target, { path }: LinkSource) =>
        host.call('place', () => {
          host.checkRuns(target.container);
          host.placed.set(placeOf(target), path);
        }),
      clear: (target) => host.call('clear', () => void host.placed.delete(placeOf(target))),
      remove: (target) => host.call('unplace', () => void host.placed.delete(placeOf(target))),
      forget: () => undefined,
      sight: (target) => {
        const path = host.placed.get(placeOf(target));
        if (path === undefined) return { state: 'lost', why: 'nothing is there' };
        return { state: 'placed', device: 1, inode: inodeOf(path) };
      },
      changed: this.#targets,
      close: () => undefined,
    };
  }
}

function ruleOf(name: string, pid: number, { major, minor }: DeviceNumber): string {
  return `${name} ${pid} ${major}:${minor}`;
}

function isRest(listener: ServedListener): listener is RestListener {
  return listener.type === 'rest';
}

/** There is something where they listen, and nothing where others did. */
function listenAt<T extends { readonly path: string }>(
  listeners: readonly T[],
  before: readonly T[],
): readonly T[] {
  for (const { path } of before) rmSync(path, { force: true });
  for (const { path } of listeners) writeFileSync(path, '');
  return listeners;
}
