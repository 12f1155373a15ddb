import { isSameLink } from '../link-identity.ts';
import type { RestListener } from '../proxy.ts';
import type { ServedSource } from './configuration.ts';
import { isRest } from './proxy-names.ts';

/**
 * Sockets of one HAProxy for rest links. HAProxy can't be given one more while it serves, so it has some to spare: a link takes the next, which is from
 * then on its own. None is ever another link's: whoever has once reached it may have kept it, and would speak in that one's name.
 */
export interface LinkSlots {
  /** Number of the next that is made; it grows as long as HAProxy runs. */
  readonly next: number;
  /** All that the configuration has. */
  readonly made: readonly number[];
  /** Of those, what nobody has had; the next first. */
  readonly spare: readonly number[];
  /** Of those, what rest links have, in the links' order. The rest is used up. */
  readonly held: readonly number[];
}

export const noSlots: LinkSlots = { next: 1, made: [], spare: [], held: [] };

/** Links and what they have. */
export interface HeldSlots {
  readonly links: readonly RestListener[];
  readonly slots: LinkSlots;
}

export const noHeldSlots: HeldSlots = { links: [], slots: noSlots };

/** What all of these have alike: of a change that was broken off, either may be true, and what differs is nobody's any more. */
export function formerSlots(sources: readonly ServedSource[]): HeldSlots {
  const [first = noHeldSlots, ...others] = sources.map(({ listeners, slots }) => ({
    links: listeners.filter(isRest),
    slots,
  }));
  return others.reduce(inBoth, first);
}

function inBoth(one: HeldSlots, other: HeldSlots): HeldSlots {
  const theirs = slotFinder(other);
  const isAlike = one.links.map((link, index) => theirs(link) === one.slots.held[index]);
  return {
    links: one.links.filter((_, index) => isAlike[index]),
    slots: {
      next: Math.max(one.slots.next, other.slots.next),
      made: one.slots.made,
      spare: [],
      held: one.slots.held.filter((_, index) => isAlike[index]),
    },
  };
}

/** Finds what a link has; null: it is none of these. No two of them have one path. */
function slotFinder({ links, slots }: HeldSlots): (link: RestListener) => number | null {
  const places = new Map(links.map(({ path }, index) => [path, index]));
  return (link) => {
    const index = places.get(link.path) ?? -1;
    const held = links[index];
    return held !== undefined && isSameLink(held, link) ? (slots.held[index] ?? null) : null;
  };
}

/**
 * Slots for these links, where HAProxy has those. Links that are the same in all keep theirs. Where enough are to spare, `made` stays; else, or with `anew`, it is
 * made anew: without what is used up, and with `spares` beyond what is needed.
 */
export function planSlots(
  links: readonly RestListener[],
  former: HeldSlots,
  { spares, anew = false }: { readonly spares: number; readonly anew?: boolean },
): LinkSlots {
  const { next, made, spare } = former.slots;
  if (links.length === 0) return { ...noSlots, next };
  const found = links.map(slotFinder(former));
  const missing = found.filter((slot) => slot === null).length;
  const isEnough = !anew && spare.length >= missing;
  const more = isEnough ? 0 : Math.max(0, missing + spares - spare.length);
  const free = [...spare, ...Array.from({ length: more }, (_, index) => next + index)];
  const taken = free.slice(0, missing).values();
  const held = found.map((slot) => slot ?? taken.next().value ?? 0);
  const left = free.slice(missing);
  return {
    next: next + more,
    made: isEnough ? made : [...held, ...left].sort((one, other) => one - other),
    spare: left,
    held,
  };
}
