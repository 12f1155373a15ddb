import type { RevisionOutcome } from '../../api/contract.ts';
import { type Context, clientFor, type SocketOption } from '../context.ts';
import { type ReportOptions, reportOutcome } from '../report.ts';

/** Takes everything of ours away, in order, and waits until it is gone. */
export async function down(options: SocketOption & ReportOptions, context: Context): Promise<number> {
  using client = clientFor(options, context);
  const outcome = await client.send<RevisionOutcome>('POST', '/v1/down', {});
  return await reportOutcome(client, outcome, options, context);
}
