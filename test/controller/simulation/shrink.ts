import type { Json } from '../../../state/json.ts';
import type { FlatState } from '../../../state/revision.ts';
import type { Action, Revising, Schedule } from './schedule.ts';

/** Whether a schedule still shows what is looked for. */
export type Shows = (schedule: Schedule) => Promise<boolean>;

/** Gives up trying, so that what was found so far is told. */
class Spent extends Error {}

/**
 * A smaller schedule that shows the same: without actions and mishaps that it does without (delta debugging, Zeller and
 * Hildebrandt 2002), and with less in the revisions that stay. Takes at most `tries` runs; the same input gives the same answer.
 */
export async function shrink(schedule: Schedule, shows: Shows, tries = 1_500): Promise<Schedule> {
  const shrinking = new Shrinking(schedule, shows, tries);
  await shrinking.run();
  return shrinking.best;
}

class Shrinking {
  best: Schedule;
  readonly #shows: Shows;
  #tries: number;

  constructor(schedule: Schedule, shows: Shows, tries: number) {
    this.best = schedule;
    this.#shows = shows;
    this.#tries = tries;
  }

  async run(): Promise<void> {
    try {
      for (let size = Number.POSITIVE_INFINITY; sizeOf(this.best) < size; ) {
        size = sizeOf(this.best);
        await this.#dropMishaps();
        await this.#dropActions();
        await this.#simplifyActions();
      }
    } catch (error) {
      if (!(error instanceof Spent)) throw error;
    }
  }

  async #try(schedule: Schedule): Promise<boolean> {
    if (this.#tries === 0) throw new Spent();
    this.#tries -= 1;
    const shown = await this.#shows(schedule);
    if (shown) this.best = schedule;
    return shown;
  }

  async #dropMishaps(): Promise<void> {
    await cutDown(Object.entries(this.best.mishaps), (entries) =>
      this.#try({ ...this.best, mishaps: Object.fromEntries(entries) }),
    );
  }

  async #dropActions(): Promise<void> {
    await cutDown(this.best.actions, (actions) => this.#try({ ...this.best, actions }));
  }

  async #simplifyActions(): Promise<void> {
    for (let index = this.best.actions.length - 1; index >= 0; index -= 1) await this.#simplify(index);
  }

  /** Takes each simpler form that shows the same, and begins again with that. */
  async #simplify(index: number): Promise<void> {
    const action = this.best.actions[index];
    if (action === undefined) return;
    for (const simpler of simplerThan(action)) {
      const actions = this.best.actions.with(index, simpler);
      if (await this.#try({ ...this.best, actions })) return this.#simplify(index);
    }
  }
}

function sizeOf(schedule: Schedule): number {
  return JSON.stringify(schedule).length;
}

/** Leaves out ever smaller pieces of `items` for as long as `try` says yes to what is left. */
async function cutDown<Item>(
  items: readonly Item[],
  attempt: (items: readonly Item[]) => Promise<boolean>,
): Promise<void> {
  let left = items;
  if (left.length > 0 && (await attempt([]))) return;
  for (let piece = Math.ceil(left.length / 2); piece >= 1; piece = piece === 1 ? 0 : Math.ceil(piece / 2)) {
    for (let start = left.length - piece; start > -piece; start -= piece) {
      const rest = left.filter((_, index) => index < start || index >= start + piece);
      if (rest.length < left.length && (await attempt(rest))) left = rest;
    }
  }
}

/** Forms of an action in which there is less, the simplest first. */
function* simplerThan(action: Action): Generator<Action> {
  if (action.do === 'revise') {
    for (const simpler of simplerRevising(action)) yield { do: 'revise', ...simpler };
  } else if (action.do === 'rest' && action.afterwards !== null) {
    yield { ...action, afterwards: null };
    for (const afterwards of simplerRevising(action.afterwards)) yield { ...action, afterwards };
  } else if (action.do === 'pass') {
    for (const ms of [1, 1_000, 10_000]) if (ms < action.ms) yield { ...action, ms };
  } else if (action.do === 'restart' && action.downMs > 0) yield { ...action, downMs: 0 };
}

function* simplerRevising({ state, form, commitAfterMs }: Revising): Generator<Revising> {
  if (form !== 'replace') yield { state, form: 'replace', commitAfterMs };
  if (commitAfterMs !== null) yield { state, form, commitAfterMs: null };
  for (const name of new Set(Object.keys(state).map((path) => path.split('/')[0] ?? path))) {
    const left = Object.entries(state).filter(([path]) => path.split('/')[0] !== name);
    yield { state: Object.fromEntries(left), form, commitAfterMs };
  }
  for (const smaller of withoutOneMember(state, 4)) {
    yield { state: smaller as FlatState, form, commitAfterMs };
  }
}

/** `value` without one of its members or items, or one of theirs, down to `depth` levels; the outer ones first. */
function* withoutOneMember(value: Json, depth: number): Generator<Json> {
  if (depth === 0 || typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    const items: readonly Json[] = value;
    for (const index of items.keys()) yield items.toSpliced(index, 1);
    for (const [index, item] of items.entries()) {
      for (const smaller of withoutOneMember(item, depth - 1)) yield items.with(index, smaller);
    }
    return;
  }
  const members = Object.entries(value as Readonly<Record<string, Json>>);
  for (const [name] of members) yield Object.fromEntries(members.filter(([other]) => other !== name));
  for (const [name, member] of members) {
    for (const smaller of withoutOneMember(member, depth - 1))
      yield { ...(value as object), [name]: smaller };
  }
}
