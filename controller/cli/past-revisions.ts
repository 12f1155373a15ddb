import type { RevisionContent, RevisionEntry } from '../api/contract.ts';
import type { ControllerClient } from './client.ts';
import { CliFailure, exitCodes } from './failure.ts';

/** Every revision that the controller remembers, oldest first. */
export async function historyOf(client: ControllerClient): Promise<readonly RevisionEntry[]> {
  return (await client.get<{ items: readonly RevisionEntry[] }>('/v1/revisions')).items;
}

/** One revision with its content. Throws a CliFailure where it is not known, or not kept any more. */
export function contentOf(client: ControllerClient, revision: number): Promise<RevisionContent> {
  return client.get(`/v1/revisions/${revision}`);
}

/** The entry of a revision; a CliFailure that says which ones are known where it is none of them. */
export function entryOf(entries: readonly RevisionEntry[], revision: number): RevisionEntry {
  const entry = entries.find((one) => one.revision === revision);
  if (entry !== undefined) return entry;
  const [first, last] = [entries[0]?.revision, entries.at(-1)?.revision];
  const known = first === undefined ? 'none is known yet' : `those from ${first} to ${last} are remembered`;
  const hint = first === undefined ? undefined : "'holdfast history' lists them";
  throw new CliFailure(exitCodes.notFound, `there is no revision ${revision}: ${known}`, hint);
}

/**
 * The revision that is desired when `revision` is not any more: the last one that was DONE before it, since a newer one is only tried
 * against that. Null: there was none.
 */
export function fallbackOf(entries: readonly RevisionEntry[], revision: number): RevisionEntry | null {
  return entries.findLast((entry) => entry.revision < revision && entry.phase === 'DONE') ?? null;
}

/** The committed revision: the last one that was DONE. Null: none ever was. */
export function committedOf(entries: readonly RevisionEntry[]): RevisionEntry | null {
  return entries.findLast((entry) => entry.phase === 'DONE') ?? null;
}
