import type { Observable } from 'rxjs';
import type { Send } from './line-stream.ts';

/** Sends `{items}` first, all that `list` gives; then each of `changes` as it comes. Returns what ends that. */
export function followList<Change>(
  changes: Observable<Change>,
  list: () => readonly unknown[],
  send: Send,
): () => void {
  // Subscribed before the list is taken, so that nothing falls between the two.
  const early: Change[] = [];
  let listed = false;
  const subscription = changes.subscribe((change) => {
    if (listed) send(change);
    else early.push(change);
  });
  send({ items: list() });
  listed = true;
  for (const change of early) send(change);
  return () => subscription.unsubscribe();
}
