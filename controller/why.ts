import { type Key, kindOf, nameOf } from '../state/resource.ts';
import type { Cause, Status } from '../state/status.ts';

/** How statuses are looked up. */
export type StatusLookup = (key: Key) => Status | undefined;

/** The first line of a message: the rest is log lines. */
const headline = (message: string): string => message.split('\n', 1)[0] ?? message;

/** `container 'web'`, `link of container 'client' at /run/raw.sock`: how a person speaks of a resource. */
export function spoken(key: Key): string {
  if (kindOf(key) === 'link') return spokenLink(nameOf(key));
  return `${kindOf(key)} '${nameOf(key)}'`;
}

/** Names of containers have no slash, and targets begin with one (see linkKey). */
function spokenLink(name: string): string {
  const slash = name.indexOf('/');
  return `link of container '${name.slice(0, slash)}' at ${name.slice(slash)}`;
}

/** What set it off, in words. */
export function spokenCause({ trigger, via }: Cause): string {
  const path = via.length === 0 ? '' : ` through ${via.map(spoken).join(', ')}`;
  switch (trigger.type) {
    case 'start':
      return `since the controller started${path}`;
    case 'revision':
      return `since revision ${trigger.revision}${path}`;
    case 'drift':
      return `since ${spoken(trigger.key)} changed behind our back (${trigger.detail})${path}`;
    case 'retry':
      return `on attempt ${trigger.attempt} of ${spoken(trigger.key)}${path}`;
    case 'resync':
      return `since the last full observation${path}`;
    case 'down':
      return `since everything is taken down${path}`;
    case 'rollback':
      return `since revision ${trigger.from} did not hold and revision ${trigger.to} is desired again${path}`;
  }
}

/** As spokenCause, without saying of `key` itself a second time what its message says. */
function ownCause(key: Key, cause: Cause): string {
  const { trigger } = cause;
  return trigger.type === 'drift' && trigger.key === key
    ? 'since it changed behind our back'
    : spokenCause(cause);
}

/** From `key` along what it waits for to the resource that is the root of the trouble. */
export function rootOf(
  key: Key,
  statusOf: StatusLookup,
): { readonly key: Key; readonly path: readonly Key[] } {
  const path = new Set<Key>();
  let at = key;
  for (;;) {
    const next = nextTrouble(at, statusOf, path);
    if (next === undefined) return { key: at, path: [...path] };
    path.add(at);
    at = next;
  }
}

/** The worst of what `key` waits for; a circle ends the search. */
function nextTrouble(key: Key, statusOf: StatusLookup, seen: ReadonlySet<Key>): Key | undefined {
  const status = statusOf(key);
  if (status?.phase !== 'Waiting' && status?.phase !== 'Removing') return undefined;
  const open = status.waitsFor.filter(
    (other) => other !== key && !seen.has(other) && (statusOf(other)?.phase ?? 'Ready') !== 'Ready',
  );
  return open.find((other) => isStuck(statusOf(other))) ?? open[0];
}

function isStuck(status: Status | undefined): boolean {
  return status?.phase === 'Blocked' || status?.phase === 'Failed';
}

/** Who has what a blocked resource wants (ENG-8). */
export function heldBy({ phase, waitsFor }: Pick<Status, 'phase' | 'waitsFor'>): string {
  const [holder] = waitsFor;
  return phase === 'Blocked' && holder !== undefined ? `, held by ${spoken(holder)}` : '';
}

/**
 * One sentence that says why `key` is in its phase, root cause first: for a container that waits for a lease that
 * waits for a pool that failed, the pool's failure.
 */
export function why(key: Key, statusOf: StatusLookup): string {
  const status = statusOf(key);
  if (status === undefined) return `${spoken(key)} is not known`;
  const root = rootOf(key, statusOf);
  const rootStatus = statusOf(root.key) ?? status;
  const cause = ownCause(root.key, rootStatus.cause);
  if (root.key === key)
    return `${spoken(key)} is ${status.phase}: ${headline(status.message)}${heldBy(status)} (${cause})`;
  const chain = spokenChain(root.path.slice(1).reverse());
  const trouble = `${spoken(root.key)} is ${rootStatus.phase}: ${headline(rootStatus.message)}${heldBy(rootStatus)}`;
  return `${trouble}; ${spoken(key)} is ${status.phase} because of it${chain} (${cause})`;
}

/** The most of a chain that is named: one of services may be as long as a revision has containers. */
const MOST_NAMED = 6;

/** What lies between the root of a trouble and what suffers by it, from the root on. */
function spokenChain(between: readonly Key[]): string {
  if (between.length === 0) return '';
  const more = between.length > MOST_NAMED ? ` and ${between.length - MOST_NAMED} more` : '';
  return `, through ${between.slice(0, MOST_NAMED).map(spoken).join(', ')}${more}`;
}
