import { type ContainerSpec, type DesiredResource, type Key, kindOf } from '../state/resource.ts';
import type { Proposal, Verdict } from '../state/revision.ts';
import type { Cause } from '../state/status.ts';
import type { DesiredStore } from '../state/store.ts';
import { through } from './chronicle.ts';
import type { Exit } from './exit.ts';
import { type ForeseenFailure, foreseenConflicts, standingFailures } from './foreseen-failure.ts';
import { REBOOT_TIMER, Reboot } from './reboot.ts';
import type { Reconciliation } from './reconciliation.ts';
import type { Kept } from './restore.ts';
import type { RolloutView } from './rollout-view.ts';
import { Trial } from './trial.ts';

/** What a rollout goes on from. */
export type RolloutStart = Pick<Kept, 'revision' | 'committed'>;

type Changes = Proposal['changes'];

/**
 * Which revision is committed, which is on trial, and what is desired by that (ROLL-1). It moves the desired store and
 * tells the reconciliation what has changed; there is no other way back than to desire what was committed. What must
 * be durable before is the engine's to see to.
 */
export class Rollout {
  readonly #store: DesiredStore;
  readonly #loop: Reconciliation;
  #committed: number | null;
  #desired: number;
  /** Booting the device for a system transition; null: it is not booted for that. */
  readonly #reboot: Reboot | null;
  /** The revision on trial is a system transition. */
  #transition = false;
  #trial: Trial | null = null;
  #ended: Verdict | null = null;

  /** `reboots`: the device is booted for system transitions (ROLL-8). */
  constructor(
    store: DesiredStore,
    loop: Reconciliation,
    { revision, committed }: RolloutStart,
    reboots: boolean,
  ) {
    this.#reboot = reboots ? new Reboot(loop.world) : null;
    this.#store = store;
    this.#loop = loop;
    this.#committed = committed ? revision : null;
    this.#desired = revision;
    loop.publisher.adopt(revision);
  }

  get view(): RolloutView {
    return { committed: this.#committed, trial: this.#trial?.view ?? null, ended: this.#ended };
  }

  /** Number of the revision that is desired now; 0: none. */
  get desired(): number {
    return this.#desired;
  }

  get trial(): Trial | null {
    return this.#trial;
  }

  get reboot(): Reboot | null {
    return this.#reboot;
  }

  /** There is a committed revision to go back to. */
  get hasFallback(): boolean {
    return this.#committed !== null;
  }

  /** Why a trial would fail before anything is disturbed (ENG-8); none where there is nothing to stay with. */
  foreseenFailures(changes: Changes): readonly ForeseenFailure[] {
    if (!this.hasFallback) return [];
    return [...foreseenConflicts(changes), ...standingFailures(changes, this.#loop.board)];
  }

  /** A revision is desired from now on, on trial. */
  begin(revision: number, proposal: Proposal, commitAfterMs: number, cause: Cause): void {
    const transition = isSystemTransition(proposal.changes, (key) => this.#store.desired(key));
    // One that takes the place of a transition under way goes on with it.
    this.#transition = transition || (this.#trial !== null && this.#transition);
    if (this.hasFallback) this.#store.adopt(proposal);
    else this.#store.commit(proposal);
    this.#try(revision, commitAfterMs);
    // The boot that the one before asked for may come too late: it goes on as one of this trial.
    if ((transition && this.hasFallback) || this.#reboot?.isUnderWay === true) this.#reboot?.begin();
    this.#redirect(proposal.changes, cause);
  }

  /** Goes on with the trial of what is desired already. */
  resume(commitAfterMs: number): void {
    this.#try(this.#desired, commitAfterMs);
  }

  /** Goes on with a trial for which the device was booted: everything of it is to be made, and nothing is disturbed by it. */
  takeUp(revision: number, proposal: Proposal, commitAfterMs: number, cause: Cause): void {
    this.#store.adopt(proposal);
    this.#transition = true;
    this.#try(revision, commitAfterMs);
    this.#redirect(proposal.changes, cause);
  }

  /** A revision is desired and committed from now on. */
  settle(revision: number, proposal: Proposal, cause: Cause): void {
    this.#store.commit(proposal);
    this.#leaveTrial();
    this.#desire(revision);
    this.#committed = revision;
    this.endReboot(cause);
    this.#redirect(proposal.changes, cause);
  }

  /** The revision on trial held: it is the committed one. */
  commit(verdict: Verdict): void {
    if (this.#store.onTrial) this.#store.keep();
    this.#leaveTrial();
    this.#committed = verdict.revision;
    this.#ended = verdict;
  }

  /** The revision on trial did not hold: the committed one is desired again. Without one it stays desired (ROLL-5). */
  abandon(verdict: Verdict): void {
    this.#ended = verdict;
    if (this.#committed === null) return;
    this.#leaveTrial();
    const changes = this.#store.revert();
    this.#desire(this.#committed);
    const trigger = { type: 'rollback', from: verdict.revision, to: this.#committed } as const;
    const cause = { trigger, via: [] };
    // One for which the device could not be booted has disturbed nothing but what has to be started again.
    if (this.#transition && verdict.failure?.code !== 'RebootFailed') this.#reboot?.begin();
    else this.endReboot(cause);
    this.#redirect(changes, cause);
  }

  /** The device is not to be booted any more, or was not: containers are started without, also those that nothing changes now. */
  endReboot(cause: Cause): void {
    if (this.#reboot?.isUnderWay !== true) return;
    this.#reboot.end();
    this.#loop.publisher.emit({ type: 'disarm', timer: REBOOT_TIMER });
    for (const key of this.#loop.board.troubled()) this.#loop.wake(key, cause);
  }

  /** A verdict on a revision that is not desired now. */
  note(verdict: Verdict): void {
    this.#ended = verdict;
  }

  /** What this controller saw of containers that ended by themselves. */
  judgeExits(exits: readonly Exit[]): void {
    this.#trial?.judgeExits(exits);
  }

  #try(revision: number, commitAfterMs: number): void {
    this.#leaveTrial();
    this.#desire(revision);
    const { world, board, tracker, publisher } = this.#loop;
    this.#trial = new Trial(revision, commitAfterMs, { world, board, tracker, publisher });
  }

  #leaveTrial(): void {
    this.#trial?.end();
    this.#trial = null;
  }

  #desire(revision: number): void {
    this.#desired = revision;
    this.#loop.publisher.adopt(revision);
  }

  #redirect(changes: Changes, cause: Cause): void {
    for (const [key, desired] of changes) {
      // A resource that was there before and changes with what it stands on, changes because of that.
      const moved = desired?.dependsOn.find((other: Key) => changes.get(other) !== undefined);
      const known = this.#loop.world.observed(key) !== undefined;
      this.#loop.redirect(key, known && moved !== undefined ? through(cause, moved) : cause);
    }
  }
}

/** A change of what all containers stand on: each that is there before and after is another one by it (ROLL-8). */
function isSystemTransition(changes: Changes, before: (key: Key) => DesiredResource | undefined): boolean {
  for (const [key, after] of changes) {
    if (kindOf(key) !== 'container' || after === null) continue;
    const was = before(key);
    if (was !== undefined) return systemOf(was) !== systemOf(after);
  }
  return false;
}

const systemOf = ({ spec }: DesiredResource): string | null => (spec as ContainerSpec).system;
