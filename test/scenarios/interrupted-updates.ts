import type { Device } from './device.ts';
import { type Call, killAt, tellingCalls, withFault } from './traced-calls.ts';
import { landing, type Side } from './two-revisions.ts';

/** How updates that were interrupted have ended. */
export interface Endings {
  readonly old: number;
  readonly new: number;
  /** Came to their end before the call at which they were to be interrupted. */
  readonly missed: number;
  /** What was not as it has to be, and where. */
  readonly wrong: readonly { readonly at: Call; readonly found: readonly string[] }[];
}

/**
 * Updates a device, which is at the second of two revisions, to and fro, and interrupts it at each of these calls: the first list is for updates
 * to the first revision. After each, the device has to be at the old or the new revision, with nothing else left, and to know of what it has
 * accepted. `comeBack` is what happens from the death of the controller to the start of the next one; it gets how often that was before.
 */
export async function interruptedUpdates(
  made: Device,
  sides: readonly [Side, Side],
  calls: readonly (readonly Call[])[],
  comeBack: (count: number) => Promise<void>,
): Promise<Endings> {
  const left = calls.map((list) => [...list]);
  const ends = { old: 0, new: 0, missed: 0 };
  const wrong: { readonly at: Call; readonly found: readonly string[] }[] = [];
  let current = 1;
  for (let count = 0; left.flat().length > 0; ) {
    const [from, to] = current === 1 ? [sides[1], sides[0]] : sides;
    const at = left[1 - current]?.shift();
    let accepted = 0;
    const update = () => made.propose(to.state, ({ revision }) => (accepted = revision));
    if (at === undefined || !(await withFault(made, tellingCalls, killAt(at), update))) {
      // It ended before, or nothing is left to be tried in this direction.
      ends.missed += at === undefined ? 0 : 1;
      await made.propose(to.state);
      current = 1 - current;
      continue;
    }
    await made.end('SIGKILL');
    await comeBack(count);
    count += 1;
    const { isNew, wrong: found } = await landing(made, from, to);
    const newest = (await made.history()).at(-1)?.revision ?? 0;
    const forgotten = accepted > newest ? [`revision ${accepted} was accepted, and is not known`] : [];
    if (found.length + forgotten.length > 0) wrong.push({ at, found: [...found, ...forgotten] });
    ends[isNew ? 'new' : 'old'] += 1;
    if (isNew) current = 1 - current;
  }
  return { ...ends, wrong };
}
