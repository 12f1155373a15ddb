import type { RevisionOutcome } from '../../api/contract.ts';
import { type Context, clientFor, type SocketOption } from '../context.ts';
import { type ProposalOptions, proposalBody } from '../proposal.ts';
import { type ReportOptions, reportOutcome } from '../report.ts';

/**
 * Goes back to the content of a revision; without a number, ends the trial that is under way, or goes back to what was DONE before.
 */
export async function rollback(
  revision: number | undefined,
  options: SocketOption & ReportOptions & ProposalOptions,
  context: Context,
): Promise<number> {
  using client = clientFor(options, context);
  const body = { ...(revision === undefined ? {} : { revision }), ...proposalBody(options) };
  const outcome = await client.send<RevisionOutcome>('POST', '/v1/rollback', body);
  return await reportOutcome(client, outcome, options, context);
}
