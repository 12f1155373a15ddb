import { exitText } from '../state/exit-text.ts';
import {
  type ContainerSpec,
  type DesiredResource,
  type Key,
  kindOf,
  leaseKey,
  nameOf,
  type ObservedResource,
  poolKey,
} from '../state/resource.ts';
import { few, holds, isSettled, standing } from './holds.ts';
import { poolReconciler } from './pool.ts';
import type { Plan, Reconciler, View } from './reconciler.ts';
import { comesBack } from './recovery.ts';

type ObservedContainer = ObservedResource<'container'>;

/** A dependency that can't come up: stopping what runs would leave nothing in its place. */
function blockedDependency(desired: DesiredResource, view: View): Plan | null {
  for (const key of desired.dependsOn) {
    const conflict = view.desired(key)?.conflict;
    if (conflict !== undefined) return { type: 'blocked', conflict };
  }
  return null;
}

/**
 * Pools that are made before a container that is to stand on them is stopped, those that wait for something themselves apart: what
 * the device refuses it refuses before anything was disturbed (ENG-8).
 */
function poolsAhead(desired: DesiredResource, view: View): readonly Key[] {
  return desired.dependsOn.filter(
    (key) => kindOf(key) === 'pool' && poolReconciler.plan(key, view).type === 'step',
  );
}

/** One that runs otherwise than it is to, and goes on so, since what it is to stand on can't be had. */
function isKept(key: Key, view: View): boolean {
  const desired = view.desired(key);
  if (desired === undefined) return false;
  if (blockedDependency(desired, view) !== null) return true;
  return poolsAhead(desired, view).some((pool) => view.refusal(pool) !== null);
}

/** Stops one that runs: after the containers of later groups that have to stop too, and can (CTR-6). */
function stop(key: Key, view: View): Plan {
  const later = few(view.stoppingAfter(view.rankOf(key)), (other) => !isKept(other, view));
  if (later.length === 0) return { type: 'step', step: { action: 'container.stop', key } };
  const pools = later.flatMap((other) => {
    const desired = view.desired(other);
    return desired === undefined ? [] : poolsAhead(desired, view);
  });
  const keys = [...new Set([...later, ...pools])];
  return { type: 'wait', keys, message: 'stops after the groups after its own' };
}

function replace(key: Key, desired: DesiredResource, view: View): Plan {
  const ahead = poolsAhead(desired, view);
  if (ahead.length === 0) return stop(key, view);
  return { type: 'wait', keys: ahead, message: 'what it will stand on is made first' };
}

/** Ended by itself, in a way after which its manifest wants it to stay as it is (CTR-8). */
function staysDown(desired: DesiredResource, { digest, facts }: ObservedContainer): boolean {
  if (facts.running || digest !== desired.digest || facts.exit === null) return false;
  return !comesBack(desired.lifecycle?.recovery ?? null, facts.exit);
}

/** Has done what it was for: it ended well, and its manifest does not want it to be started again. */
export function isComplete(
  desired: DesiredResource | undefined,
  observed: ObservedResource | undefined,
): boolean {
  const container = observed as ObservedContainer | undefined;
  return desired !== undefined && container?.facts.exit?.code === 0 && staysDown(desired, container);
}

/** It has ended by itself, badly, and is not started again as it is desired now: who waits for it waits for ever. */
export function isDownForGood(desired: DesiredResource, observed: ObservedResource | undefined): boolean {
  const container = observed as ObservedContainer | undefined;
  return container !== undefined && staysDown(desired, container) && !isComplete(desired, container);
}

function failed({ facts }: ObservedContainer): Plan {
  const message = `it ${exitText(facts.exit)}, and its auto_recovery does not start it again`;
  return { type: 'blocked', conflict: { code: 'ContainerExited', message } };
}

const isContainer = (key: Key) => kindOf(key) === 'container';

/** Of containers that provide what it requires, one that is not at its goal is not there yet (LINK-8). */
function isAbsent(key: Key, view: View): boolean {
  if (!isContainer(key)) return !isSettled(key, view);
  const provider = view.desired(key);
  return provider === undefined || !isAtGoal(provider, view.observed(key));
}

/** Some of what it stands on that is not there yet; none only where all is. It may require a thousand services: a few are waited for at once. */
function absent({ dependsOn }: DesiredResource, view: View): readonly Key[] {
  return few(dependsOn, (key) => isAbsent(key, view));
}

function start(key: Key, desired: DesiredResource, view: View): Plan {
  if (view.startsHeld()) return { type: 'wait', keys: [], message: 'starts when the device has booted' };
  const waitsFor = absent(desired, view);
  if (waitsFor.length > 0)
    return { type: 'wait', keys: waitsFor, message: 'what it stands on is not there yet' };
  const group = view.unreachedBefore(view.rankOf(key));
  if (group !== null)
    return { type: 'wait', keys: [group], message: 'starts after the groups before its own' };
  const spec = desired.spec as ContainerSpec;
  return { type: 'step', step: { action: 'container.start', key, spec, digest: desired.digest } };
}

/** It runs, and has yet to say that it is ready: which it may not be without a service that its provider has yet to offer. */
function unready(key: Key, view: View): Plan {
  const isMissed = (dependent: Key) => {
    if (kindOf(dependent) !== 'link') return false;
    const link = view.observed(dependent) as ObservedResource<'link'> | undefined;
    return link?.spec.consumer === nameOf(key) && link.facts.awaits !== null;
  };
  const missed = standing(key, view, isMissed);
  return { type: 'wait', keys: missed, message: 'has not signalled that it is ready' };
}

/** Runs, or is mounted, as desired, and has said that it is ready where it has to (CTR-6); or has run, and is complete. */
export function isAtGoal(desired: DesiredResource, observed: ObservedResource | undefined): boolean {
  if (isComplete(desired, observed)) return true;
  if (!holds(desired, observed)) return false;
  return (desired.spec as ContainerSpec).goal !== 'READY' || (observed as ObservedContainer).facts.ready;
}

/** What is there of a container that runs exactly as it is desired; null: it does not, or is not desired. */
export function runningAsDesired(key: Key, view: View): ObservedContainer['facts'] | null {
  const [desired, observed] = [view.desired(key), view.observed(key) as ObservedContainer | undefined];
  if (desired === undefined || view.isLeaving(key)) return null;
  return observed?.digest === desired.digest && observed.facts.running ? observed.facts : null;
}

/** It runs otherwise than it is to. */
export function hasToStop(
  desired: DesiredResource | undefined,
  observed: ObservedResource | undefined,
): boolean {
  if (observed === undefined || !(observed as ObservedContainer).facts.running) return false;
  return desired === undefined || (desired.conflict === undefined && desired.digest !== observed.digest);
}

/**
 * A container runs with exactly its resolved spec, or is stopped and started anew: nothing else changes, so that one
 * whose spec is the same keeps its process (CTR-7). One that has a conflict is not started; if it runs with an
 * older spec it goes on, since the rollout decides what happens to a revision with a conflict (ENG-8).
 */
function plan(key: Key, view: View): Plan {
  const desired = view.desired(key);
  const observed = view.observed(key) as ObservedContainer | undefined;
  if (desired === undefined) {
    if (observed === undefined) return { type: 'settled' };
    return observed.facts.running
      ? stop(key, view)
      : { type: 'step', step: { action: 'container.remove', key } };
  }
  if (desired.conflict !== undefined) return { type: 'blocked', conflict: desired.conflict };
  if (isAtGoal(desired, observed)) return { type: 'settled' };
  if (holds(desired, observed)) return unready(key, view);
  const blocked = blockedDependency(desired, view);
  if (blocked !== null) return blocked;
  if (observed?.facts.running) return replace(key, desired, view);
  return observed !== undefined && staysDown(desired, observed)
    ? failed(observed)
    : start(key, desired, view);
}

/** The pools and leases of its interfaces. One that does not run only remembers what it stood on. */
function dependsOn({ spec, facts }: ObservedContainer): readonly Key[] {
  if (!facts.running || spec.network.mode !== 'pool') return [];
  return spec.network.interfaces.flatMap((face) => [
    poolKey(face.pool),
    leaseKey(face.pool, spec.name, face.name),
  ]);
}

export const containerReconciler: Reconciler<'container'> = {
  kind: 'container',
  plan,
  dependsOn,
  claims: () => [],
};
