import type { RevisionContent, RevisionEntry } from '../api/contract.ts';
import { unknownRevisionText } from '../unknown-revision.ts';
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
  const text = unknownRevisionText(
    revision,
    entries.map((other) => other.revision),
  );
  throw new CliFailure(
    exitCodes.notFound,
    text,
    entries.length === 0 ? undefined : "'holdfast history' lists them",
  );
}

/**
 * The revision that is desired when `revision` is not any more: the last one that was DONE before it, since a newer one is only tried
 * against that. Null: there was none.
 */
export function fallbackOf(entries: readonly RevisionEntry[], revision: number): RevisionEntry | null {
  return entries.findLast((entry) => entry.revision < revision && entry.phase === 'DONE') ?? null;
}

/**
 * What a revision is compared with to tell what it changed: what was committed when it came, since every trial is one of that; where that is
 * not kept, or nothing was committed, the last one before it that is kept. Null: there is none.
 */
export function comparedWith(entries: readonly RevisionEntry[], revision: number): RevisionEntry | null {
  const committed = fallbackOf(entries, revision);
  if (committed?.kept === true) return committed;
  return entries.findLast((entry) => entry.kept && entry.revision < revision) ?? null;
}

/** The committed revision: the last one that was DONE. Null: none ever was. */
export function committedOf(entries: readonly RevisionEntry[]): RevisionEntry | null {
  return entries.findLast((entry) => entry.phase === 'DONE') ?? null;
}
