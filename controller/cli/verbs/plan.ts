import { acceptable, type Finding } from '../../../state/finding.ts';
import type { StateChange } from '../../../state/revision.ts';
import type { PlanOutcome } from '../../api/contract.ts';
import type { DirectPlanOptions } from '../../options.ts';
import { withLocations } from '../../source/locate.ts';
import { readSource } from '../../source/read-source.ts';
import type { Source } from '../../source/source.ts';
import { type Context, clientFor, type SocketOption } from '../context.ts';
import { exitCodes, orCannotStart } from '../failure.ts';
import { planText } from '../render/plan-text.ts';
import { json } from '../render/text.ts';
import { rootPath } from '../socket-path.ts';
import { upload } from '../upload.ts';

/** Options of `plan`. With an adapter it needs no controller. */
export interface PlanOptions extends SocketOption {
  readonly adapter?: DirectPlanOptions['adapter'];
  readonly root?: string;
  readonly output: 'text' | 'json';
}

const nothingPlanned = (findings: readonly Finding[]): PlanOutcome => ({ steps: [], findings, problems: [] });

/**
 * A controller needs the objects to plan with them; they are kept in its store, where nothing uses them before a
 * revision does.
 */
async function planWithController(
  source: Source,
  options: PlanOptions,
  context: Context,
): Promise<PlanOutcome> {
  using client = clientFor(options, context);
  await upload(client, source.objects);
  const change: StateChange = { type: 'replace', state: source.state };
  return await client.send<PlanOutcome>('POST', '/v1/plan', { change });
}

async function planWithout(
  source: Source,
  adapter: DirectPlanOptions['adapter'],
  { root }: PlanOptions,
  { env, uid }: Context,
): Promise<PlanOutcome> {
  const { planDirectly } = await import('../../main.ts');
  const change: StateChange = { type: 'replace', state: source.state };
  const options = { adapter, root: rootPath(root, env, uid) };
  return orCannotStart(() => planDirectly(options, change, source.objects));
}

async function planned(source: Source, options: PlanOptions, context: Context): Promise<PlanOutcome> {
  if (!acceptable(source.findings)) return nothingPlanned(source.findings);
  const outcome =
    options.adapter === undefined
      ? await planWithController(source, options, context)
      : await planWithout(source, options.adapter, options, context);
  return { ...outcome, findings: [...source.findings, ...withLocations(source, outcome.findings)] };
}

/** Shows the steps that `apply` would take, in order. Nothing is touched. */
export async function plan(path: string, options: PlanOptions, context: Context): Promise<number> {
  await using source = await readSource(path);
  const outcome = await planned(source, options, context);
  const { terminal } = context;
  terminal.out(options.output === 'json' ? json(outcome) : planText(outcome, terminal));
  if (!acceptable(outcome.findings)) return exitCodes.invalid;
  return outcome.steps.length === 0 ? exitCodes.ok : exitCodes.stepsPending;
}
