import { holds } from '../reconcilers/holds.ts';
import { type Key, kindOf, type ObservedResource } from '../state/resource.ts';
import type { Cause } from '../state/status.ts';
import { type Exit, exitBetween } from './exit.ts';
import type { Publisher } from './publisher.ts';
import { driftText } from './relapse.ts';
import type { Tracker } from './tracker.ts';
import type { World } from './world.ts';

/** Says what happens on the device that none of our steps did: containers that end by themselves, and what held and holds no more. */
export class Bystander {
  readonly #world: World;
  readonly #tracker: Tracker;
  readonly #publisher: Publisher;
  #exits: Exit[] = [];

  constructor(world: World, tracker: Tracker, publisher: Publisher) {
    this.#world = world;
    this.#tracker = tracker;
    this.#publisher = publisher;
  }

  /** Containers that ended by themselves since the last call, having run as they are desired. */
  takeExits(): readonly Exit[] {
    const exits = this.#exits;
    this.#exits = [];
    return exits;
  }

  /** No step of ours told it, and none is under way: nobody but the container itself or somebody else has ended it. */
  noteExit(
    key: Key,
    before: ObservedResource | undefined,
    observed: ObservedResource | null,
    cause: Cause,
  ): void {
    if ((this.#tracker.find(key)?.flight ?? null) !== null) return;
    const exit = exitBetween(this.#world.desired(key), before, observed, this.#publisher.now);
    if (exit !== null) this.report(exit, cause);
  }

  report(exit: Exit, cause: Cause): void {
    this.#exits.push(exit);
    const { key, message } = exit;
    this.#publisher.record({ key, severity: 'warning', reason: 'ContainerExited', message, cause });
  }

  /** Of a change that none of our steps made. Said in the event log where it undoes what held. */
  causeOf(key: Key, observed: ObservedResource | null): Cause {
    const detail = driftText(observed);
    const known = this.#publisher.board.get(key);
    // What a link lacks by what becomes of its containers, or gets at last, is told where that begins.
    const isExplained = kindOf(key) === 'link' && known?.phase !== 'Ready';
    if (known !== undefined && (detail === '' || isExplained)) return known.cause;
    const cause: Cause = { trigger: { type: 'drift', key, detail }, via: [] };
    const desired = this.#world.desired(key);
    const held = (this.#tracker.find(key)?.settledAt ?? null) !== null;
    if (desired !== undefined && held && !holds(desired, observed ?? undefined)) {
      const message = `${key}: ${detail}`;
      this.#publisher.record({ key, severity: 'warning', reason: 'DriftDetected', message, cause });
    }
    return cause;
  }
}
