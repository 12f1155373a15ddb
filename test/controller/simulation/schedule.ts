import type { Json } from '../../../state/json.ts';
import type { FlatState } from '../../../state/revision.ts';

/** How a revision is told: whole, or as what an RFC 6902 or RFC 7396 patch makes of the one that patches are against then. */
export type Form = 'replace' | 'patch' | 'merge';

/** A revision that somebody applies. What it is to be stands here whole, so that it says the same whatever came before. */
export interface Revising {
  readonly state: FlatState;
  readonly form: Form;
  /** Commit window, milliseconds; null: the usual one. */
  readonly commitAfterMs: number | null;
}

/** One thing that happens to a device. Plain data: a schedule can be kept, cut down and done again. */
export type Action =
  | ({ readonly do: 'revise' } & Revising)
  | { readonly do: 'down' }
  /** The content of a revision that was accepted before is applied again; nothing when it is not known. */
  | { readonly do: 'roll back'; readonly to: number }
  | { readonly do: 'pass'; readonly ms: number }
  /** The init of a container ends by itself; nothing when it does not run. */
  | {
      readonly do: 'exit';
      readonly container: string;
      readonly code: number | null;
      readonly signal: string | null;
    }
  /** Somebody changes a bridge that we made, behind our back: deletes it, takes it down, takes its addresses away. */
  | { readonly do: 'harm'; readonly bridge: string; readonly how: 'delete' | 'down' | 'strip' }
  | { readonly do: 'flush rules' }
  /** An interface that pools want as their parent appears or goes. */
  | { readonly do: 'link'; readonly name: string; readonly present: boolean }
  /** A process that is not ours begins to listen at a port where nothing of ours does, or goes. */
  | { readonly do: 'port'; readonly port: number; readonly taken: boolean }
  /** What carries a listener is gone: its proxy has died, its rules were flushed. */
  | { readonly do: 'silence'; readonly listener: string }
  /** What a container provides to others: it makes its socket anew, makes none from now on, or makes it after all. */
  | { readonly do: 'socket'; readonly container: string; readonly how: 'anew' | 'withhold' | 'make' }
  /** A container takes a link of its own away. */
  | { readonly do: 'unmount'; readonly container: string; readonly target: string }
  /** A container puts a file of its own where a link may want to be, or takes it away. */
  | { readonly do: 'file'; readonly container: string; readonly target: string; readonly present: boolean }
  /** The adapter has missed something. */
  | { readonly do: 'relist' }
  /** The watch tells of a resource what is so anyway. */
  | { readonly do: 'tell'; readonly key: string }
  /** The controller is killed between two inputs, and starts again so much later. */
  | { readonly do: 'restart'; readonly downMs: number }
  /** From now on things go wrong, or do no more. */
  | { readonly do: 'weather'; readonly foul: boolean }
  /** Nothing goes wrong any more: the device comes to rest and is judged; then one more revision, where there is one. */
  | { readonly do: 'rest'; readonly afterwards: Revising | null };

/**
 * All that happens to one device: what is done to it, in order, and what goes wrong meanwhile, by the occasion on which it
 * does: `delay of container.start container/c1 #2`: how long, in milliseconds, the second such step takes to begin.
 */
export interface Schedule {
  readonly actions: readonly Action[];
  readonly mishaps: Readonly<Record<string, Json>>;
}

/** One action in words, short enough for one line where it is not about a revision. */
export function actionText(action: Action): string {
  const { do: verb, ...rest } = action;
  const values = Object.entries(rest).filter(([, value]) => value !== null);
  return [verb, ...values.map(([name, value]) => `${name}=${JSON.stringify(value)}`)].join(' ');
}

/** A schedule for people: one line an action, then one a mishap. */
export function scheduleText({ actions, mishaps }: Schedule): readonly string[] {
  const wrong = Object.entries(mishaps).map(([occasion, what]) => `${occasion}: ${JSON.stringify(what)}`);
  return [
    ...actions.map((action, index) => `${index + 1}. ${actionText(action)}`),
    ...(wrong.length > 0 ? ['meanwhile:', ...wrong.map((line) => `- ${line}`)] : []),
  ];
}
