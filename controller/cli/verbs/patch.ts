import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { acceptable } from '../../../state/finding.ts';
import { isJsonObject, type Json } from '../../../state/json.ts';
import type { RevisionOutcome } from '../../api/contract.ts';
import { type JsonText, readJsonText } from '../../source/json-text.ts';
import { type Context, clientFor, type SocketOption } from '../context.ts';
import { CliFailure, exitCodes } from '../failure.ts';
import { type ProposalOptions, proposalQuery } from '../proposal.ts';
import { type ReportOptions, refusedUnsent, reportOutcome } from '../report.ts';

/** Options of `patch`. */
export interface PatchOptions extends SocketOption, ReportOptions, ProposalOptions {
  /** The file is a merge patch (RFC 7396), not a list of operations (RFC 6902). */
  readonly merge?: boolean;
}

/** What standard input is called in messages. */
const standardInput = '<standard input>';

async function readPatchFile(path: string): Promise<JsonText> {
  if (path === '-') {
    return readJsonText(await buffer(process.stdin), { file: standardInput, pointer: '' });
  }
  try {
    return readJsonText(await readFile(path), { file: path, pointer: '' });
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw new CliFailure(exitCodes.invalid, error.message);
    throw error;
  }
}

/** The two kinds of patches are told apart by their shape, so that one taken for the other is told before it is sent. */
function refuseOtherKind(path: string, value: Json | undefined, merge: boolean): void {
  const file = path === '-' ? standardInput : path;
  if (!merge && isJsonObject(value)) {
    throw new CliFailure(
      exitCodes.invalid,
      `${file}: found an object, expected an array of operations (RFC 6902); nothing was touched`,
      "with --merge it is taken as a merge patch (RFC 7396): 'holdfast patch --merge FILE'",
    );
  }
  if (merge && Array.isArray(value)) {
    throw new CliFailure(
      exitCodes.invalid,
      `${file}: found an array, expected an object: a merge patch (RFC 7396); nothing was touched`,
      'without --merge it is taken as a list of operations (RFC 6902)',
    );
  }
}

/** Changes the committed revision by a patch, puts what comes of it on trial, and waits for its end. */
export async function patch(path: string, options: PatchOptions, context: Context): Promise<number> {
  using client = clientFor(options, context);
  const { value, findings } = await readPatchFile(path);
  if (!acceptable(findings)) return await reportOutcome(client, refusedUnsent(findings), options, context);
  refuseOtherKind(path, value, options.merge === true);
  const type = options.merge === true ? 'application/merge-patch+json' : 'application/json-patch+json';
  const address = `/v1/revision${proposalQuery(options)}`;
  const outcome = await client.send<RevisionOutcome>('PATCH', address, value, type);
  const all = { ...outcome, findings: [...findings, ...outcome.findings] };
  return await reportOutcome(client, all, options, context);
}
