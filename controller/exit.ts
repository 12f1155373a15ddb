import { exitText } from '../state/exit-text.ts';
import {
  type ContainerExit,
  type DesiredResource,
  type Key,
  nameOf,
  type ObservedResource,
} from '../state/resource.ts';
import { exitOf } from './relapse.ts';

/** A container that ran as desired and ended by itself. */
export interface Exit {
  readonly key: Key;
  /** Null: nobody saw how. */
  readonly exit: ContainerExit | null;
  /** What happened, for a person; lines after the first are what it said last. */
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/**
 * The exit that lies between two observations, the second made at `now`; null where there is none. One that was
 * desired otherwise, or not at all, ended as it had to.
 */
export function exitBetween(
  desired: DesiredResource | undefined,
  before: ObservedResource | undefined,
  after: ObservedResource | null,
  now: number,
): Exit | null {
  if (before?.kind !== 'container' || before.digest !== desired?.digest) return null;
  const { facts } = before as ObservedResource<'container'>;
  if (!facts.running || stillRuns(facts.pid, after)) return null;
  return exitOfContainer(before.key, exitOf(after), now);
}

/** The exit of a container that was just started and is observed so; null: it runs, or nobody knows that it ended by itself. */
export function exitAfter(observed: ObservedResource | undefined): Exit | null {
  const exit = exitOf(observed);
  return observed === undefined || exit === null ? null : exitOfContainer(observed.key, exit, exit.at);
}

function exitOfContainer(key: Key, exit: ContainerExit | null, now: number): Exit {
  const message = [`container '${nameOf(key)}' ${exitText(exit)}`, ...(exit?.log ?? [])].join('\n');
  return { key, exit, message, at: exit?.at ?? now };
}

/** A container is another process than before, or none any more: what others have made for the one before is of no use (LINK-10). */
export function isAnotherRun(before: ObservedResource | undefined, after: ObservedResource | null): boolean {
  if ((before ?? after)?.kind !== 'container') return false;
  const [was, is] = [before, after].map((one) => (one as ObservedResource<'container'> | null)?.facts);
  return was?.running !== is?.running || was?.pid !== is?.pid;
}

/** The process id may have been unknown so far. */
function stillRuns(pid: number | null, after: ObservedResource | null): boolean {
  if (after === null) return false;
  const { facts } = after as ObservedResource<'container'>;
  return facts.running && (pid === null || facts.pid === null || facts.pid === pid);
}
