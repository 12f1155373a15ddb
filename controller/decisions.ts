import type { Key } from '../state/resource.ts';
import type { ObjectFacts, Proposal, TrialFailure, Verdict } from '../state/revision.ts';
import type { Cause, Trigger } from '../state/status.ts';
import type { DesiredStore } from '../state/store.ts';
import type { Fact, Input } from './input.ts';
import { REBOOT_TIMEOUT_MS, REBOOT_TIMER } from './reboot.ts';
import type { Reconciliation } from './reconciliation.ts';
import type { Kept } from './restore.ts';
import type { Rollout } from './rollout.ts';

type RevisionInput = Extract<Input, { readonly type: 'revision' }>;

/** A fact that is on its way to the disk, and what it is for. */
type Pending =
  | {
      readonly type: 'revision';
      readonly input: RevisionInput;
      readonly proposal: Proposal;
      readonly fact: Extract<Fact, { type: 'revision' }>;
    }
  /** `asker`: the revision that asked for what is committed. */
  | { readonly type: 'verdict'; readonly verdict: Verdict; readonly asker: Asker | null }
  | { readonly type: 'attempt' }
  | { readonly type: 'reboot' };

interface Asker {
  readonly input: RevisionInput;
  readonly proposal: Proposal;
}

/** How the last trial stood when the last controller ended, and the texts that compiling it takes. */
export type TrialStart = Pick<Kept, 'interrupted' | 'resumed'> & { readonly texts?: ObjectFacts['texts'] };

/** What decisions are made about, and with. */
export interface DecisionParts {
  readonly store: DesiredStore;
  readonly loop: Reconciliation;
  readonly rollout: Rollout;
  /** The highest number that any revision has had. */
  readonly latest: number;
  /** The commit window of revisions that say nothing about it, milliseconds. */
  readonly commitAfterMs: number;
}

/**
 * Decides which revisions are tried and how trials end. Each decision is a fact that is made durable, and only then carried out
 * (ROLL-4): one at a time.
 */
export class Decisions {
  readonly #store: DesiredStore;
  readonly #loop: Reconciliation;
  readonly #rollout: Rollout;
  readonly #commitAfterMs: number;
  #latest: number;
  #pending: Pending | null = null;
  /** A verdict that could not be saved, and none on its revision since: goes with the next revision. */
  #unsaved: Verdict | null = null;

  constructor({ store, loop, rollout, latest, commitAfterMs }: DecisionParts) {
    this.#store = store;
    this.#loop = loop;
    this.#rollout = rollout;
    this.#latest = latest;
    this.#commitAfterMs = commitAfterMs;
  }

  /** A fact is on its way to the disk: nothing is to be done that it may turn round. */
  get isPending(): boolean {
    return this.#pending !== null;
  }

  /**
   * A trial that the last controller did not end counts as failed, where there is something to go back to (ROLL-4), unless the device
   * was booted for it.
   */
  begin({ interrupted, resumed, texts = {} }: TrialStart, at: number): void {
    if (resumed !== undefined) this.#takeUp(resumed, texts, at);
    else if (interrupted !== null) {
      const message =
        'the controller ended before the trial did: it crashed, was stopped, or the power was cut';
      this.#conclude(interrupted, { code: 'Interrupted', key: null, message, at });
    } else if (this.#rollout.desired > 0 && !this.#rollout.hasFallback) {
      this.#rollout.resume(this.#commitAfterMs);
      this.#save({ type: 'attempt', revision: this.#rollout.desired, at }, { type: 'attempt' });
    }
  }

  #takeUp(
    { revision, state }: NonNullable<TrialStart['resumed']>,
    texts: ObjectFacts['texts'],
    at: number,
  ): void {
    const proposal = this.#store.propose({ type: 'replace', state }, { texts, missing: [] });
    if (!proposal.accepted || proposal.unchanged) {
      const message = 'the device was booted for it, and its content is not accepted any more';
      return this.#conclude(revision, { code: 'Interrupted', key: null, message, at });
    }
    this.#rollout.takeUp(revision, proposal, this.#commitAfterMs, causeOf({ type: 'revision', revision }));
    this.#save({ type: 'attempt', revision, at }, { type: 'attempt' });
  }

  /** Has the device booted once nothing runs any more that has to stop; a trial goes on behind that only when it is on disk (ROLL-8). */
  judgeReboot(): void {
    const { reboot, trial, desired } = this.#rollout;
    const { tracker } = this.#loop;
    if (this.isPending || reboot?.isDue(tracker.inFlight, (key) => tracker.isHopeless(key)) !== true) return;
    reboot.ask();
    if (trial === null) return this.#reboot();
    const at = this.#loop.publisher.now;
    this.#save({ type: 'reboot', revision: desired, at }, { type: 'reboot' });
  }

  #reboot(): void {
    const { publisher } = this.#loop;
    const message = 'whatever can be stopped has stopped for a system transition: the device boots';
    this.#record(
      'normal',
      'Rebooting',
      message,
      causeOf({ type: 'revision', revision: this.#rollout.desired }),
    );
    publisher.emit({ type: 'reboot' });
    publisher.emit({ type: 'arm', timer: REBOOT_TIMER, delayMs: REBOOT_TIMEOUT_MS });
  }

  /** The device was not booted: a trial for which it was to be has failed; what was committed is started without. */
  rebootFailed(message: string): void {
    const cause = causeOf({ type: 'revision', revision: this.#rollout.desired });
    const { trial, reboot } = this.#rollout;
    const at = this.#loop.publisher.now;
    // It may be about a transition that is over since: the trial under way needs none.
    if (trial !== null && reboot?.isUnderWay === true)
      return trial.fail({
        code: 'RebootFailed',
        key: null,
        message: `the device was not booted: ${message}`,
        at,
      });
    this.#record('warning', 'RebootFailed', `the device was not booted: ${message}`, cause);
    this.#rollout.endReboot(cause);
  }

  #save(fact: Fact, pending: Pending): void {
    this.#pending = pending;
    this.#loop.publisher.emit({ type: 'persist', fact });
  }

  /** A revision is proposed. Throws while a fact is on its way to the disk: whoever carries effects out answers that first. */
  propose(input: RevisionInput): void {
    if (this.#pending !== null) throw new Error('a revision came before the fact before it was persisted');
    const proposal = this.#store.propose(input.change, input.facts);
    const isCleanUp =
      input.unconditional && this.#rollout.desired === 0 && hasMembers(this.#loop.world.observedKeys());
    if (!proposal.accepted || (proposal.unchanged && !isCleanUp))
      return this.#answer(input, proposal, this.#rollout.desired);
    if (this.#store.onTrial && proposal.digest === this.#store.baseDigest)
      return this.#cancel(input, proposal);
    const { digest, leases } = proposal;
    const { source, message, at, unconditional } = input;
    const [foreseen] = unconditional ? [] : this.#rollout.foreseenFailures(proposal.changes);
    const failure = foreseen === undefined ? null : { ...foreseen, at };
    const standing = failure !== null ? 'refused' : unconditional ? 'committed' : 'trying';
    const tree = this.#store.treeOf(proposal);
    const revision = this.#latest + 1;
    const ends = standing === 'refused' ? this.#unsaved : (this.#superseded(revision, at) ?? this.#unsaved);
    const fact = {
      type: 'revision',
      revision,
      digest,
      source,
      message,
      at,
      tree,
      leases,
      standing,
      failure,
      ends,
    } as const;
    this.#save(fact, { type: 'revision', input, proposal, fact });
  }

  /** How the trial under way ends when `revision` takes its place; null: there is none, or it has its verdict. */
  #superseded(revision: number, at: number): Verdict | null {
    const { trial } = this.#rollout;
    if (trial === null || trial.failure !== null) return null;
    const message = `revision ${revision} took its place before it was committed`;
    const failure = { code: 'Superseded', key: null, message, at };
    return { revision: trial.revision, phase: 'ERROR', at, failure };
  }

  /** What is committed was asked for again: the trial ends, and there is no new revision. */
  #cancel(input: RevisionInput, proposal: Proposal): void {
    const { trial } = this.#rollout;
    if (trial === null) throw new Error('the store is on trial and the rollout is not');
    const message = `the committed revision was asked for again (${input.source})`;
    this.#conclude(
      trial.revision,
      { code: 'Cancelled', key: null, message, at: input.at },
      { input, proposal },
    );
  }

  #answer({ request }: RevisionInput, proposal: Proposal, revision: number): void {
    const { accepted, unchanged, digest, findings } = proposal;
    this.#loop.publisher.emit({
      type: 'answer',
      answer: { request, accepted, unchanged, digest, findings, revision },
    });
    if (accepted && !unchanged) return;
    const { desired } = this.#rollout;
    const errors = findings.filter((finding) => finding.severity === 'error').length;
    const cause = causeOf({ type: 'revision', revision: desired });
    if (accepted)
      this.#record('normal', 'RevisionUnchanged', `revision ${desired} has this content already`, cause);
    else {
      const [first] = findings.filter((finding) => finding.severity === 'error');
      const reason = first === undefined ? '' : `: ${first.code}: ${first.message}`;
      const count = `${errors} ${errors === 1 ? 'error' : 'errors'}`;
      const message = `refused with ${count}; revision ${desired} stays${reason}`;
      this.#record('warning', 'RevisionRefused', message, cause);
    }
  }

  /** The fact on its way to the disk is there, or could not be made so. */
  persisted(error: string | null): void {
    const pending = this.#pending;
    this.#pending = null;
    switch (pending?.type) {
      case 'revision':
        return error === null ? this.#accepted(pending) : this.#notDurable(pending, error);
      case 'verdict':
        return this.#judged(pending, error);
      case 'attempt':
        return error === null ? undefined : this.#attemptNotSaved(error);
      case 'reboot':
        return error === null
          ? this.#reboot()
          : this.rebootFailed(`that could not be saved before: ${error}`);
    }
  }

  #accepted({ input, proposal, fact }: Extract<Pending, { type: 'revision' }>): void {
    const { revision, standing, ends } = fact;
    this.#latest = revision;
    this.#unsaved = null;
    const cause = causeOf({ type: 'revision', revision });
    if (ends !== null) this.#report(ends);
    const changed = proposal.changes.size;
    const message = `revision ${revision} from ${input.source}: ${changed} ${changed === 1 ? 'resource changes' : 'resources change'}`;
    this.#record('normal', 'RevisionAccepted', message, cause);
    if (standing === 'refused') {
      const verdict = { revision, phase: 'ERROR', at: input.at, failure: fact.failure } as const;
      this.#rollout.note(verdict);
      this.#report(verdict);
    } else if (standing === 'committed') this.#rollout.settle(revision, proposal, cause);
    else {
      const commitAfterMs = input.commitAfterMs ?? this.#commitAfterMs;
      this.#rollout.begin(revision, proposal, commitAfterMs, cause);
    }
    // What only cleans up has the content that is desired already, and is a revision all the same.
    this.#answer(input, { ...proposal, unchanged: false }, revision);
  }

  /** What could not be made durable is refused: a device must come back from a power cut to what it was told. */
  #notDurable({ input, proposal }: Extract<Pending, { type: 'revision' }>, error: string): void {
    const message = `the revision could not be saved: ${error}`;
    const hint = 'free disk space or repair the disk under --root, then apply again';
    const finding = {
      severity: 'error',
      code: 'NotDurable',
      pointer: '',
      found: error,
      message,
      hint,
    } as const;
    const findings = [...proposal.findings, { ...finding, expected: 'a disk that takes the revision' }];
    this.#answer(input, { ...proposal, accepted: false, findings }, this.#rollout.desired);
  }

  /** Ends the trial where it has to: what it failed by counts before what it has held. */
  judge(): void {
    const { trial } = this.#rollout;
    if (trial === null || this.#pending !== null) return;
    const alreadyTold = this.#rollout.view.ended?.revision === trial.revision;
    if (trial.failure !== null && !alreadyTold) this.#conclude(trial.revision, trial.failure);
    else if (trial.hasHeld) this.#conclude(trial.revision, null);
  }

  /** Has a verdict made durable; nothing rests on it before. */
  #conclude(revision: number, failure: TrialFailure | null, asker: Asker | null = null): void {
    const at = this.#loop.publisher.now;
    const phase = failure === null ? 'DONE' : 'ERROR';
    const verdict: Verdict = { revision, phase, at, failure };
    this.#save({ type: 'verdict', verdict }, { type: 'verdict', verdict, asker });
  }

  #judged({ verdict, asker }: Extract<Pending, { type: 'verdict' }>, error: string | null): void {
    if (error !== null && verdict.phase === 'DONE') return this.#notCommitted(verdict, error);
    if (error !== null) {
      this.#unsaved = verdict;
      this.#notSaved(`end of revision ${verdict.revision}`, error);
    } else if (this.#unsaved?.revision === verdict.revision) this.#unsaved = null;
    this.#report(verdict);
    const isOnTrial = this.#rollout.trial?.revision === verdict.revision;
    if (!isOnTrial) this.#rollout.note(verdict);
    else if (verdict.phase === 'DONE') this.#rollout.commit(verdict);
    else this.#rollout.abandon(verdict);
    if (asker !== null) this.#answer(asker.input, asker.proposal, this.#rollout.desired);
  }

  /** A commit that is not on disk is none: a power cut would undo it. */
  #notCommitted(verdict: Verdict, error: string): void {
    const message = `it held, and that could not be saved: ${error}`;
    this.#rollout.trial?.postpone();
    this.#conclude(verdict.revision, { code: 'NotDurable', key: null, message, at: verdict.at });
  }

  /** A trial that was taken up after a boot would be taken up by the next controller again: one attempt is all that it has (ROLL-4). */
  #attemptNotSaved(error: string): void {
    const { trial, desired, hasFallback } = this.#rollout;
    this.#notSaved(`attempt of revision ${desired}`, error);
    const message = `that it was taken up could not be saved: ${error}`;
    const at = this.#loop.publisher.now;
    if (hasFallback) trial?.fail({ code: 'NotDurable', key: null, message, at });
  }

  #notSaved(what: string, error: string): void {
    this.#record(
      'warning',
      'NotDurable',
      `the ${what} could not be saved: ${error}`,
      causeOf({ type: 'resync' }),
    );
  }

  #report({ revision, phase, failure }: Verdict): void {
    const cause = causeOf({ type: 'revision', revision });
    if (failure === null)
      return this.#record('normal', 'RevisionDone', `revision ${revision} is ${phase}`, cause);
    const message = `revision ${revision} is ${phase}: ${failure.code}: ${failure.message}`;
    this.#record('warning', 'RevisionFailed', message, cause, failure.key);
  }

  #record(
    severity: 'normal' | 'warning',
    reason: string,
    message: string,
    cause: Cause,
    key: Key | null = null,
  ): void {
    this.#loop.publisher.record({ key, severity, reason, message, cause });
  }
}

const causeOf = (trigger: Trigger): Cause => ({ trigger, via: [] });

function hasMembers(keys: Iterator<Key>): boolean {
  return keys.next().done !== true;
}
