import type { Key } from '../state/resource.ts';
import type { Cause } from '../state/status.ts';
import { GIVE_UP_ATTEMPTS } from './give-up.ts';

/** A step that is under way. */
export interface Flight {
  readonly id: number;
  /** Digest of what was desired when the step was sent; null: removal. A result for another one decides nothing. */
  readonly wanted: string | null;
  readonly action: string;
  readonly cause: Cause;
  /** What it was sent for is another process by now: a link's containers have been started anew, or have ended. Its result decides nothing. */
  readonly isOutrun?: true;
}

/** What the engine remembers of one resource besides its status. */
export interface Track {
  flight: Flight | null;
  /** Failures and relapses in a row for the present spec (ENG-3). */
  attempts: number;
  /** Those of them that were relapses: what a manifest's restarts are counted by (CTR-8). */
  relapses: number;
  /** Steps that failed one after the other, without its holding in between (ROLL-3). */
  failedSteps: number;
  /** Not before this time, milliseconds since the epoch; null: at once. */
  retryAt: number | null;
  /** Digest that the counters above belong to. */
  wanted: string | null;
  /** Since when the resource is as desired; null: it is not. */
  settledAt: number | null;
  /** It has been started again as often as its manifest allows (CTR-8), and is not any more: in words; null: it is. */
  exhausted: string | null;
  /** Action that ended well for the present spec without settling the resource yet. */
  lastDone: string | null;
}

/** Tracks by key, made when first asked for. */
export class Tracker {
  readonly #tracks = new Map<Key, Track>();
  #inFlight = 0;

  /** Steps under way. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Every key of which something is remembered. */
  keys(): IterableIterator<Key> {
    return this.#tracks.keys();
  }

  find(key: Key): Track | undefined {
    return this.#tracks.get(key);
  }

  /** Its steps have failed so often in a row that nobody waits for it any more (ROLL-3). */
  isHopeless(key: Key): boolean {
    return (this.find(key)?.failedSteps ?? 0) >= GIVE_UP_ATTEMPTS;
  }

  get(key: Key): Track {
    const known = this.#tracks.get(key);
    if (known !== undefined) return known;
    const track: Track = {
      flight: null,
      attempts: 0,
      relapses: 0,
      failedSteps: 0,
      retryAt: null,
      wanted: null,
      settledAt: null,
      exhausted: null,
      lastDone: null,
    };
    this.#tracks.set(key, track);
    return track;
  }

  /** Forgets what belonged to another spec, so that a new one starts at once and with all its attempts (ENG-3). */
  rebase(key: Key, wanted: string | null): Track {
    const track = this.get(key);
    if (track.wanted !== wanted) {
      Object.assign(track, {
        wanted,
        attempts: 0,
        relapses: 0,
        failedSteps: 0,
        retryAt: null,
        settledAt: null,
        exhausted: null,
        lastDone: null,
      });
    }
    return track;
  }

  /** One whose restarts are used up has all of them again; any other is left as it is. */
  restore(track: Track): void {
    if (track.exhausted !== null) Object.assign(track, { exhausted: null, attempts: 0, relapses: 0 });
  }

  /** What is told of the steps of `key` was about processes that are gone: nothing follows from it. True when a retry was due by it. */
  outrun(key: Key): boolean {
    const track = this.find(key);
    if (track === undefined) return false;
    if (track.flight !== null) track.flight = { ...track.flight, isOutrun: true };
    const waited = track.retryAt !== null;
    Object.assign(track, { retryAt: null, lastDone: null });
    return waited;
  }

  launch(key: Key, flight: Flight): void {
    this.get(key).flight = flight;
    this.#inFlight += 1;
  }

  /** Ends the flight `id` of `key`; null when there is none (a result that came twice). */
  land(key: Key, id: number): Flight | null {
    const track = this.#tracks.get(key);
    if (track?.flight?.id !== id) return null;
    const flight = track.flight;
    track.flight = null;
    this.#inFlight -= 1;
    return flight;
  }

  delete(key: Key): void {
    this.#tracks.delete(key);
  }
}
