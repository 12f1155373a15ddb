import { acceptable } from '../../../state/finding.ts';
import type { RevisionOutcome } from '../../api/contract.ts';
import { withLocations } from '../../source/locate.ts';
import { readSource } from '../../source/read-source.ts';
import { type Context, clientFor, type SocketOption } from '../context.ts';
import { type ProposalOptions, proposalBody } from '../proposal.ts';
import { type ReportOptions, refusedUnsent, reportOutcome } from '../report.ts';
import { upload } from '../upload.ts';

/** Puts what is at `path` on trial and waits for its end. What cannot be read is not sent. */
export async function apply(
  path: string,
  options: SocketOption & ReportOptions & ProposalOptions,
  context: Context,
): Promise<number> {
  using client = clientFor(options, context);
  await using source = await readSource(path);
  if (!acceptable(source.findings)) {
    return await reportOutcome(client, refusedUnsent(source.findings), options, context);
  }
  await upload(client, source.objects);
  const body = { state: source.state, source: path, ...proposalBody(options) };
  const outcome = await client.send<RevisionOutcome>('POST', '/v1/revisions', body);
  const findings = [...source.findings, ...withLocations(source, outcome.findings)];
  return await reportOutcome(client, { ...outcome, findings }, options, context);
}
