import type { Key, LinkSpec } from '../../state/resource.ts';
import type { StepOf } from '../adapter.ts';
import type { LinkSource, LinkTargets } from '../linux/link-targets.ts';
import type { ProviderSight, ProviderSocket, ProviderSockets } from '../linux/provider-sockets.ts';
import { StepConflict, StepFailure } from '../step-refusal.ts';
import type { LinkDevices } from './link-devices.ts';
import type { LinkFronts } from './link-fronts.ts';
import type { LinkIndex } from './link-index.ts';
import { allOf, LinkLeaving } from './link-leaving.ts';
import {
  type Carried,
  type Front,
  isSameDevice,
  type LinkRecord,
  noFormer,
  type RunningContainer,
  remade,
  sourceOf,
  targetOf,
} from './link-record.ts';
import type { LinkRecords } from './link-records.ts';

/** Who a role is (LINK-6): as a user of the host, and as one of the provider. */
export interface RoleUser {
  readonly uid: number;
  readonly gid: number;
  readonly claimedUid: number;
}

export interface LinkMakingParts {
  readonly records: LinkRecords;
  readonly index: LinkIndex;
  readonly fronts: LinkFronts;
  readonly devices: LinkDevices;
  readonly sources: ProviderSockets;
  readonly targets: LinkTargets;
  readonly roleUser: (provider: RunningContainer, role: string) => Promise<RoleUser>;
  /** Process id of the container's init; null: it does not run; undefined: nothing was told. */
  readonly pidOf: (container: string) => number | null | undefined;
}

/** Both ends of a link, which run. */
interface Ends {
  readonly provider: RunningContainer;
  readonly consumer: RunningContainer;
}

/** A link that is being made: what is on record of it, and what it leads to. */
interface Work {
  readonly record: LinkRecord;
  readonly ends: Ends;
  readonly source: ProviderSight;
}

const nothing: Carried = Object.freeze({ front: null, device: null });

/**
 * Makes links, and takes them away. What is about to be made is on record before it is made, and stays so until all of it is gone. What is done to one
 * link must not overlap.
 */
export class LinkMaking {
  readonly #parts: LinkMakingParts;
  readonly #leaving: LinkLeaving;

  constructor(parts: LinkMakingParts) {
    this.#parts = parts;
    this.#leaving = new LinkLeaving(parts);
  }

  /** See the step. Rejects with a StepConflict, a TargetRefused, a StepFailure, or what went wrong. */
  async ensure({ key, spec, digest }: StepOf<'link.ensure'>): Promise<void> {
    const ends = this.#endsOf(spec);
    const carrier = await this.#carrierOf(spec);
    const before = this.#parts.records.all().get(key);
    const { sourceInode, front, device, former } = before ?? {
      sourceInode: null,
      ...nothing,
      former: noFormer,
    };
    const record: LinkRecord = { key, spec, digest, carrier, ends: null, sourceInode, front, device, former };
    this.#parts.records.put(record);
    this.#parts.index.add(key, sourceOf(spec));
    const source = await this.#follow(spec);
    const carried = await this.#carry({ record, ends, source });
    const made = remade(record, carried);
    await this.#leave(made);
    await this.#settle(key, sourceOf(spec));
    const { provider, consumer } = ends;
    this.#parts.records.put({
      ...made,
      ends: { provider: provider.pid, consumer: consumer.pid },
      sourceInode: source.state === 'shown' ? source.inode : null,
      former: noFormer,
    });
  }

  /** What it was made of before is on record until it is gone, and not as what it is made of: of two links that go at once neither counts on the other. */
  async #leave(made: LinkRecord): Promise<void> {
    const { fronts, devices } = made.former;
    if (fronts.length + devices.length === 0) return;
    this.#parts.records.put(made);
    await this.#leaving.former(made);
    this.#parts.records.put({ ...made, former: noFormer });
  }

  #endsOf({ provider, consumer }: LinkSpec): Ends {
    return { provider: this.#running(provider), consumer: this.#running(consumer) };
  }

  #running(name: string): RunningContainer {
    const pid = this.#parts.pidOf(name);
    if (typeof pid === 'number') return { name, pid };
    throw new StepFailure({ code: 'ContainerNotRunning', message: `container '${name}' does not run` });
  }

  async #carrierOf({ type }: LinkSpec): Promise<LinkRecord['carrier']> {
    if (type === 'rest') return this.#parts.fronts.restCarrier();
    return type === 'dbus' ? 'dbus-proxy' : 'kernel';
  }

  /** What its provider has for it, which is looked after from now on. */
  async #follow(spec: LinkSpec): Promise<ProviderSight> {
    const { sources } = this.#parts;
    const source = sourceOf(spec);
    await sources.add([source]);
    const sight = sources.sightOf(source);
    if (sight === null) throw new Error(`${spec.socket} of container '${spec.provider}' is not followed`);
    if (sight.state !== 'refused') return sight;
    throw new StepConflict({ code: 'LinkSourceRefused', message: sight.why });
  }

  #carry(work: Work): Promise<Carried> {
    switch (work.record.spec.type) {
      case 'unix':
      case 'wayland':
        return this.#mount(work);
      case 'rest':
      case 'dbus':
        return this.#serve(work);
      case 'drm':
        return this.#give(work);
    }
  }

  /** The provider's own socket (LINK-4, LINK-8). */
  async #mount({ record: { spec }, source }: Work): Promise<Carried> {
    const { sources, targets } = this.#parts;
    if (source.state !== 'shown') await targets.clear(targetOf(spec));
    else await targets.place(targetOf(spec), { path: sources.pathOf(sourceOf(spec)), type: 'socket' });
    return nothing;
  }

  /** A socket at which a process of ours listens (LINK-5, LINK-6): it is there whether the provider's is or not. */
  async #serve({ record, ends }: Work): Promise<Carried> {
    const front = await this.#frontOf(record, ends);
    // Before it is served: what a process of ours serves is known, whatever happens.
    this.#parts.records.put(remade(record, { front, device: record.device }));
    await this.#parts.fronts.put(front);
    await this.#parts.targets.place(targetOf(record.spec), { path: front.path, type: 'socket' });
    return { front, device: null };
  }

  async #frontOf({ key, spec }: LinkRecord, { provider }: Ends): Promise<Front> {
    const { sources, roleUser } = this.#parts;
    const reached = sources.pathOf(sourceOf(spec));
    const { consumer: client, role } = spec;
    if (spec.type === 'rest') {
      const path = this.#parts.records.socketOf(key, 'rest');
      return { name: key, type: 'rest', path, backend: { type: 'socket', path: reached }, client, role };
    }
    const path = this.#parts.records.socketOf(key, 'dbus');
    const user = await roleUser(provider, role);
    return { name: key, type: 'dbus', path, bus: reached, ...user, interface: spec.interface };
  }

  /** A node of the provider's device, and leave to open it (LINK-7). */
  async #give({ record, ends, source }: Work): Promise<Carried> {
    const { targets } = this.#parts;
    const { spec } = record;
    const device = source.state === 'shown' ? source.node : null;
    if (device === null) {
      await targets.clear(targetOf(spec));
      return nothing;
    }
    this.#parts.devices.check(spec.provider, spec.socket, device);
    // Before it is allowed: what was allowed can be taken back, whatever happens.
    this.#parts.records.put(remade(record, { front: record.front, device }));
    await this.#parts.devices.open(record.key, ends.consumer, device, (node: LinkSource) =>
      targets.place(targetOf(spec), node),
    );
    return { front: null, device };
  }

  /** What of it leads to what its provider does not have any more leads nowhere when it resolves. */
  async withdraw(key: Key, source: ProviderSocket): Promise<void> {
    const record = this.#parts.records.all().get(key);
    if (record === undefined || !this.isAstray(key, source)) return;
    const left = remade(record, nothing);
    await allOf([this.#parts.targets.clear(targetOf(record.spec)), this.#leave(left)]);
  }

  /** What is there of the link goes straight to what its provider had, and has no more. */
  isAstray(key: Key, source: ProviderSocket): boolean {
    const record = this.#parts.records.all().get(key);
    // By now it may lead elsewhere.
    if (record === undefined || record.front !== null || !this.#parts.index.leads(key, source)) return false;
    const sight = this.#parts.sources.sightOf(source);
    if (sight?.state !== 'shown') return true;
    // A socket that was made anew leaves one behind that refuses. A device can be used for as long as it is there.
    return record.ends !== null && record.device !== null && !isSameDevice(record.device, sight.node);
  }

  /** See the step. What goes wrong with one thing keeps no other from going. */
  async remove({ key, spec }: StepOf<'link.remove'>): Promise<void> {
    const record = this.#parts.records.all().get(key);
    const gone = this.#parts.targets.remove(targetOf(spec));
    if (record === undefined) return gone;
    await allOf([gone, this.#leave({ ...remade(record, nothing), ends: null })]);
    await this.#settle(key, null);
    this.#parts.records.remove(key);
  }

  /** The link leads there alone, or nowhere (null). */
  async #settle(key: Key, source: ProviderSocket | null): Promise<void> {
    const { index, sources } = this.#parts;
    const left = index.settle(key, source);
    try {
      await sources.drop(left);
    } catch (error) {
      // The next time they are dropped again.
      for (const former of left) index.add(key, former);
      throw error;
    }
  }
}
