import type { DocumentTable } from './database-documents.ts';
import type { RevisionTable } from './database-revisions.ts';

/** So many of the newest revisions are kept with their contents. */
export const keptContents = 50;

/** So many of the newest revisions are remembered at all. */
export const keptRecords = 1_000;

/** What the contents of the past may take together, beyond what the newest revision has of them. */
export const pastContentsBytes = 16 * 1024 * 1024;

/**
 * Forgets what is too old. Kept are the contents of the newest `keptContents` revisions, fewer where they take more than
 * `pastContentsBytes` together, oldest first; never thinned are the committed revision, the one that was DONE before it, the one
 * on trial and the newest. Remembered without content are the newest `keptRecords`.
 */
export function thin(revisions: RevisionTable, documents: DocumentTable): void {
  const { latest } = revisions;
  const spared = sparedOf(revisions);
  const kept = revisions.kept();
  let before = 0;
  for (const [index, revision] of kept.entries()) {
    const after = kept[index + 1];
    const isOld = revision <= latest - keptContents || documents.pastBytes > pastContentsBytes;
    if (after === undefined || !isOld || spared.has(revision)) {
      before = revision;
      continue;
    }
    documents.drop(revision, { before, after });
    revisions.dropContent(revision);
  }
  revisions.forgetThrough(latest - keptRecords);
}

function sparedOf(revisions: RevisionTable): ReadonlySet<number | null> {
  const { committed, trying } = revisions.standing;
  return new Set([committed, committed === null ? null : revisions.doneBefore(committed), trying]);
}
