import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { acceptable } from '../../../state/finding.ts';
import type { RevisionOutcome } from '../../api/contract.ts';
import { type JsonText, readJsonText } from '../../source/json-text.ts';
import { type Context, clientFor, type SocketOption } from '../context.ts';
import { CliFailure, exitCodes } from '../failure.ts';
import { type ReportOptions, refusedUnsent, reportOutcome } from '../until-rest.ts';

/** Options of `patch`. */
export interface PatchOptions extends SocketOption, ReportOptions {
  /** The file is a merge patch (RFC 7396), not a list of operations (RFC 6902). */
  readonly merge?: boolean;
}

async function readPatchFile(path: string): Promise<JsonText> {
  if (path === '-') {
    return readJsonText(await buffer(process.stdin), { file: '<standard input>', pointer: '' });
  }
  try {
    return readJsonText(await readFile(path), { file: path, pointer: '' });
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw new CliFailure(exitCodes.invalid, error.message);
    throw error;
  }
}

/** Changes the current revision by a patch and waits until the new one is at rest. */
export async function patch(path: string, options: PatchOptions, context: Context): Promise<number> {
  using client = clientFor(options, context);
  const { value, findings } = await readPatchFile(path);
  if (!acceptable(findings)) return await reportOutcome(client, refusedUnsent(findings), options, context);
  const type = options.merge === true ? 'application/merge-patch+json' : 'application/json-patch+json';
  const outcome = await client.send<RevisionOutcome>('PATCH', '/v1/revision', value, type);
  const all = { ...outcome, findings: [...findings, ...outcome.findings] };
  return await reportOutcome(client, all, options, context);
}
