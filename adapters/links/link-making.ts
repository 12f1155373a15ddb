import type { Key, LinkSpec } from '../../state/resource.ts';
import type { StepOf } from '../adapter.ts';
import type { LinkSource, LinkTargets } from '../linux/link-targets.ts';
import type { ProviderSight, ProviderSocket, ProviderSockets } from '../linux/provider-sockets.ts';
import { StepConflict, StepFailure } from '../step-refusal.ts';
import type { LinkDevices } from './link-devices.ts';
import type { LinkFronts } from './link-fronts.ts';
import type { LinkIndex } from './link-index.ts';
import { type Front, type LinkRecord, type RunningContainer, sourceOf, targetOf } from './link-record.ts';
import type { LinkRecords } from './link-records.ts';

/** Who a role is (LINK-6): as a user of the host, and as one of the provider. */
export interface RoleUser {
  readonly uid: number;
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

/** What came of it; what is not told is not there. */
type Carried = Pick<LinkRecord, 'front' | 'device'>;

const nothing: Carried = Object.freeze({ front: null, device: null });

/**
 * Makes links, and takes them away. What is about to be made is on record before it is made, and stays so until all of it is gone. What is done to one
 * link must not overlap.
 */
export class LinkMaking {
  readonly #parts: LinkMakingParts;

  constructor(parts: LinkMakingParts) {
    this.#parts = parts;
  }

  /** See the step. Rejects with a StepConflict, a TargetRefused, a StepFailure, or what went wrong. */
  async ensure({ key, spec, digest }: StepOf<'link.ensure'>): Promise<void> {
    const ends = this.#endsOf(spec);
    const former = this.#parts.records.all().get(key);
    const { front, device } = former ?? nothing;
    const carrier = await this.#carrierOf(spec);
    const sourceInode = former?.sourceInode ?? null;
    const record: LinkRecord = { key, spec, digest, carrier, ends: null, sourceInode, front, device };
    this.#parts.records.put(record);
    this.#parts.index.add(key, sourceOf(spec));
    const source = await this.#follow(spec);
    const carried = await this.#carry({ record, ends, source });
    const { provider, consumer } = ends;
    this.#parts.records.put({
      ...record,
      ...carried,
      ends: { provider: provider.pid, consumer: consumer.pid },
      sourceInode: source.state === 'shown' ? source.inode : null,
    });
    if (former !== undefined) await this.#leave(former, carried);
    await this.#parts.sources.drop(this.#parts.index.settle(key, sourceOf(spec)));
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
    this.#parts.records.put({ ...record, front });
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
    const { uid, claimedUid } = await roleUser(provider, role);
    return { name: key, type: 'dbus', path, bus: reached, uid, claimedUid, interface: spec.interface };
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
    this.#parts.records.put({ ...record, device });
    await this.#parts.devices.open(record.key, ends.consumer, device, (node: LinkSource) =>
      targets.place(targetOf(spec), node),
    );
    return { front: null, device };
  }

  /** Lets go of what a link was made of before, and is not any more. */
  async #leave(former: LinkRecord, now: Carried): Promise<void> {
    if (former.front !== null && former.front.type !== now.front?.type)
      await this.#parts.fronts.drop(former.front);
    if (former.device !== null && !isSameDevice(former.device, now.device)) await this.#takeBack(former);
  }

  /** What goes straight to its provider leads nowhere now. */
  async withdraw(key: Key, source: ProviderSocket): Promise<void> {
    const { sources, targets } = this.#parts;
    const record = this.#parts.records.all().get(key);
    if (record === undefined || record.front !== null || sources.sightOf(source)?.state === 'shown') return;
    await targets.clear(targetOf(record.spec));
    if (record.device === null) return;
    this.#parts.records.put({ ...record, device: null });
    await this.#takeBack(record);
  }

  /** See the step. */
  async remove({ key, spec }: StepOf<'link.remove'>): Promise<void> {
    const record = this.#parts.records.all().get(key);
    await this.#parts.targets.remove(targetOf(spec));
    if (record === undefined) return;
    if (record.front !== null) await this.#parts.fronts.drop(record.front);
    await this.#takeBack(record);
    await this.#parts.sources.drop(this.#parts.index.settle(key, null));
    this.#parts.records.remove(key);
  }

  /** The consumer may open the device no more, unless it may by another link. */
  async #takeBack({ key, spec: { consumer }, device }: LinkRecord): Promise<void> {
    if (device === null) return;
    await this.#parts.devices.discard(key);
    const pid = this.#parts.pidOf(consumer);
    if (typeof pid !== 'number') return;
    const others = [...this.#parts.records.all().values()].filter(
      (other) => other.key !== key && other.spec.consumer === consumer,
    );
    if (others.some((other) => isSameDevice(device, other.device))) return;
    await this.#parts.devices.close({ name: consumer, pid }, device);
  }
}

function isSameDevice(one: LinkRecord['device'], other: LinkRecord['device']): boolean {
  return one?.major === other?.major && one?.minor === other?.minor;
}
