import type { RevisionContent, RevisionEntry } from '../../api/contract.ts';
import type { ControllerClient } from '../client.ts';
import { type Context, clientFor, type SocketOption } from '../context.ts';
import { exitCodes } from '../failure.ts';
import { comparedWith, contentOf, entryOf, historyOf } from '../past-revisions.ts';
import { revisionText } from '../render/revision-text.ts';
import { stateChangesText } from '../render/state-changes-text.ts';
import { json } from '../render/text.ts';
import { stateChanges } from '../state-changes.ts';
import type { Terminal } from '../terminal.ts';

/** Options of `show`. */
export interface ShowOptions extends SocketOption {
  readonly output: 'text' | 'json';
}

/** What a revision changed as against what was committed when it came; against nothing, where nothing is kept from before it. */
async function changesText(
  client: ControllerClient,
  entries: readonly RevisionEntry[],
  { revision, state }: RevisionContent,
  terminal: Terminal,
): Promise<string> {
  const former = comparedWith(entries, revision);
  const before = former === null ? {} : (await contentOf(client, former.revision)).state;
  const changes = stateChanges(before, state);
  const against =
    former === null ? 'no revision is kept from before it' : `against revision ${former.revision}`;
  if (changes.length === 0) return `${against}: nothing changed\n`;
  return `${against}:\n${stateChangesText(changes, terminal)}`;
}

/** Shows one revision: its record and what it changed, or in JSON its record and its whole content. */
export async function show(revision: number, options: ShowOptions, context: Context): Promise<number> {
  const { terminal, clock } = context;
  using client = clientFor(options, context);
  if (options.output === 'json') {
    terminal.out(json(await contentOf(client, revision)));
    return exitCodes.ok;
  }
  const entries = await historyOf(client);
  const entry = entryOf(entries, revision);
  terminal.out(revisionText(entry, clock.now(), terminal));
  if (!entry.kept) terminal.out('its content is not kept any more\n');
  else terminal.out(await changesText(client, entries, await contentOf(client, revision), terminal));
  return exitCodes.ok;
}
