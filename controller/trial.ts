import { comesBack } from '../reconcilers/recovery.ts';
import type { DesiredResource, GroupSpec, Key } from '../state/resource.ts';
import type { TrialFailure } from '../state/revision.ts';
import type { Exit } from './exit.ts';
import { GIVE_UP_ATTEMPTS } from './give-up.ts';
import type { Publisher } from './publisher.ts';
import type { TrialView } from './rollout-view.ts';
import type { StatusBoard } from './status-board.ts';
import type { Tracker } from './tracker.ts';
import { heldBy, why } from './why.ts';
import type { World } from './world.ts';

/** How the timer is named that fires when a stage of a trial is over; each has a number of its own. */
export const STAGE_TIMER = 'stage:';

/** How long what stands in no group may take to be ready: as a group of which nothing is said (CTR-6). */
const UNGROUPED_TIMEOUT_MS = 30_000;

/** A trial that falls back this often is not going to hold. */
const MAX_SETBACKS = 20;

/** How long a trial without a commit window goes on when its end could not be saved. */
const POSTPONED_MS = 10_000;

/** What a trial is judged by. */
export interface TrialParts {
  readonly world: World;
  readonly board: StatusBoard;
  readonly tracker: Tracker;
  readonly publisher: Publisher;
}

/** Where a trial has got to: the place of the first group that is awaited, `rest` when only others are not ready, or `testing`. */
type Stage = number | 'rest' | 'testing';

/**
 * One revision on trial (ROLL-2, ROLL-3): group after group reaches its goal in its time, then everything is ready, then
 * it stays so for the commit window. What ends it otherwise is its failure; the first one counts.
 */
export class Trial {
  readonly revision: number;
  readonly #commitAfterMs: number;
  readonly #parts: TrialParts;
  #stage: Stage | null = null;
  /** Stages so far: what is left of an earlier one's timer means nothing. */
  #stages = 0;
  #held = false;
  /** A container has ended while it was tested: testing begins anew. */
  #disturbed = false;
  #setbacks = 0;
  /** How often each container has exited that may. */
  readonly #exits = new Map<Key, number>();
  #commitAt: number | null = null;
  #failure: TrialFailure | null = null;

  constructor(revision: number, commitAfterMs: number, parts: TrialParts) {
    this.revision = revision;
    this.#commitAfterMs = commitAfterMs;
    this.#parts = parts;
  }

  get view(): TrialView {
    const phase = this.#failure !== null ? 'ERROR' : this.#stage === 'testing' ? 'TESTING' : 'INPROGRESS';
    return { revision: this.revision, phase, commitAt: this.#commitAt, failure: this.#failure };
  }

  get failure(): TrialFailure | null {
    return this.#failure;
  }

  /** It has held for as long as it has to: told by a timer, since clocks may jump. */
  get hasHeld(): boolean {
    return this.#held;
  }

  /** The first failure counts. From then on nothing is waited for: only that everything holds after all (ROLL-5). */
  fail(failure: TrialFailure): void {
    if (this.#failure !== null) return;
    this.#failure = failure;
    if (this.#stage !== 'testing') this.end();
  }

  /** Judges containers that ended by themselves: fails where they are not to be started again, and begins to test anew otherwise. */
  judgeExits(exits: readonly Exit[]): void {
    for (const { key, exit, message, at } of exits) {
      if (!this.#isForgiven(key, exit)) this.fail({ code: 'ContainerExited', key, message, at });
      else if (this.#exitsTooOften(key)) {
        const often = `${message}\nit has ended ${GIVE_UP_ATTEMPTS} times on trial`;
        this.fail({ code: 'ContainerExited', key, message: often, at });
      }
    }
    if (exits.length === 0 || this.#stage !== 'testing') return;
    this.#disturbed = true;
    this.#held = false;
  }

  /** Looks at where everything stands now. */
  review(): void {
    this.#judgeStatuses();
    if (this.#parts.world.startsHeld()) return this.#pause();
    const stage = this.#stageNow();
    if (stage !== this.#stage || this.#disturbed) this.#enter(stage);
  }

  /** A timer has fired: where it is that of the present stage, its time is over. */
  expire(timer: string): void {
    if (this.#stage === null || timer !== this.#timer()) return;
    if (this.#stage === 'testing') this.#held = true;
    else this.#failLate(this.#stage);
  }

  #timer(): string {
    return `${STAGE_TIMER}${this.revision}.${this.#stages}`;
  }

  #failLate(stage: Stage): void {
    const key = this.#lateKey(stage);
    const { board, publisher } = this.#parts;
    const what = stage === 'rest' ? 'not everything was' : `${this.#spokenStage(stage)} had not come`;
    const goal = stage === 'rest' ? 'ready' : 'to their goal';
    const because = key === null ? '' : `: ${why(key, (other) => board.get(other))}`;
    const message = `${what} ${goal} within ${this.#timeoutMs(stage) / 1000} s${because}`;
    this.fail({ code: 'GroupTimeout', key, message, at: publisher.now });
  }

  /** That it held could not be saved: it goes on for as long again. */
  postpone(): void {
    this.#enter('testing');
    if (!this.#held) return;
    this.#held = false;
    this.#arm(POSTPONED_MS);
  }

  /** Takes its timer back. */
  end(): void {
    if (this.#stage !== null) this.#parts.publisher.emit({ type: 'disarm', timer: this.#timer() });
  }

  /** Its manifest says what happens when it exits: it is started again, or it has done what it was for. */
  #isForgiven(key: Key, exit: Exit['exit']): boolean {
    const recovery = this.#parts.world.desired(key)?.lifecycle?.recovery ?? null;
    return recovery !== null && (comesBack(recovery, exit) || exit?.code === 0);
  }

  /** Where its manifest sets no limit to its restarts: for ever is too long for a trial. */
  #exitsTooOften(key: Key): boolean {
    const exits = (this.#exits.get(key) ?? 0) + 1;
    this.#exits.set(key, exits);
    const limit = this.#parts.world.desired(key)?.lifecycle?.recovery?.maxRetries ?? null;
    return limit === null && exits >= GIVE_UP_ATTEMPTS;
  }

  #judgeStatuses(): void {
    if (this.#failure !== null) return;
    const { board, tracker } = this.#parts;
    for (const key of board.failed()) {
      const isExhausted = (tracker.find(key)?.exhausted ?? null) !== null;
      if (isExhausted) return this.#failBy(key, 'ContainerExited');
      if (tracker.isHopeless(key)) return this.#failBy(key, 'StepFailed');
    }
    // What is under way may still make room for what is blocked.
    if (tracker.inFlight > 0) return;
    for (const key of board.blocked()) return this.#failBy(key, null);
  }

  /** Its status says why; `code` null: that, too. */
  #failBy(key: Key, code: TrialFailure['code'] | null): void {
    const { board, publisher } = this.#parts;
    const status = board.get(key);
    if (status === undefined) return;
    const message = `${status.message}${heldBy(status)}`;
    this.fail({ code: code ?? status.reason, key, message, at: publisher.now });
  }

  #stageNow(): Stage {
    const { board, world } = this.#parts;
    if (board.awaited().size === 0) return 'testing';
    return world.lowestAwaited() ?? 'rest';
  }

  #enter(stage: Stage): void {
    if (orderOf(stage) < orderOf(this.#stage) || this.#disturbed) this.#fallBack();
    this.#disturbed = false;
    this.end();
    this.#stage = stage;
    this.#stages += 1;
    if (stage === 'testing') return this.#test();
    this.#commitAt = null;
    this.#held = false;
    // One that has failed, and that nothing is there to replace, is waited for without an end (ROLL-5).
    if (this.#failure === null) this.#arm(this.#timeoutMs(stage));
  }

  #test(): void {
    const windowMs = this.#windowMs();
    this.#commitAt = this.#parts.publisher.now + windowMs;
    this.#held = windowMs === 0;
    if (!this.#held) this.#arm(windowMs);
    const message = `revision ${this.revision}: everything is ready, and has to hold for ${windowMs / 1000} s`;
    const cause = { trigger: { type: 'revision', revision: this.revision }, via: [] } as const;
    this.#parts.publisher.record({
      key: null,
      severity: 'normal',
      reason: 'RevisionTesting',
      message,
      cause,
    });
  }

  /** The device boots first: that takes the time that it takes. */
  #pause(): void {
    this.end();
    this.#stage = null;
  }

  #arm(delayMs: number): void {
    this.#parts.publisher.emit({ type: 'arm', timer: this.#timer(), delayMs });
  }

  #fallBack(): void {
    this.#setbacks += 1;
    if (this.#setbacks < MAX_SETBACKS) return;
    const { board, publisher } = this.#parts;
    const [key = null] = board.awaited();
    const because = key === null ? '' : `, the last time since ${why(key, (other) => board.get(other))}`;
    const message = `it fell back ${MAX_SETBACKS} times${because}`;
    this.fail({ code: 'Unstable', key, message, at: publisher.now });
  }

  /** Every container runs for as long as its manifest asks before it counts as stable (CTR-8). */
  #windowMs(): number {
    return Math.max(this.#commitAfterMs, this.#parts.world.longestStableTimeoutMs());
  }

  #timeoutMs(stage: Stage): number {
    return this.#groupAt(stage)?.timeoutMs ?? UNGROUPED_TIMEOUT_MS;
  }

  #groupAt(stage: Stage): GroupSpec | null {
    if (typeof stage !== 'number') return null;
    const key = this.#parts.world.unreachedBefore(stage + 1);
    const group: DesiredResource | undefined = key === null ? undefined : this.#parts.world.desired(key);
    return group === undefined ? null : (group.spec as GroupSpec);
  }

  #spokenStage(stage: Stage): string {
    const group = this.#groupAt(stage);
    return group === null ? 'the containers in no group' : `the containers of group '${group.name}'`;
  }

  /** One of those that are late. */
  #lateKey(stage: Stage): Key | null {
    const late = typeof stage === 'number' ? this.#parts.world.unreached(stage) : this.#parts.board.awaited();
    for (const key of late) return key;
    return null;
  }
}

function orderOf(stage: Stage | null): number {
  if (stage === null) return Number.NEGATIVE_INFINITY;
  if (typeof stage === 'number') return stage;
  return stage === 'rest' ? Number.MAX_VALUE : Number.POSITIVE_INFINITY;
}
