import type { Conflict, Key, ObservedResource } from '../../state/resource.ts';
import type { StepError, StepOf, StepResult } from '../adapter.ts';
import type { Commands } from './command.ts';
import { type IpFailure, type IpScript, runIpScript } from './ip-batch.ts';
import { bridgePools, type PacketRules } from './packet-rules.ts';
import { parentWarnings, settledPool } from './pool-observe.ts';
import { type PoolPlan, type PoolView, planEnsure, planRemove } from './pool-plan.ts';
import type { PoolRecord, PoolRecords } from './pool-record.ts';
import { failureCode } from './timed-commands.ts';

export type PoolStep = StepOf<'pool.ensure'> | StepOf<'pool.remove'>;

/** A step, and what it takes. */
interface Job {
  readonly step: PoolStep;
  readonly plan: PoolPlan;
}

/** What came of one step: what is there now (null: nothing; undefined: not known), or why not. */
export interface StepEnd {
  readonly step: PoolStep;
  readonly observed?: ObservedResource<'pool'> | null;
  readonly conflict?: Conflict;
  readonly error?: StepError;
}

export interface PoolBatchParts {
  readonly commands: Commands;
  readonly records: PoolRecords;
  readonly rules: PacketRules;
  /** Told what will be on record when all is done, just before anything is done. */
  readonly onIntent: (records: ReadonlyMap<string, PoolRecord>) => void;
}

/**
 * Carries out the steps of several pools at once: intents on file, then one `ip` for all links and addresses beside
 * one transaction for all rules, then the outcome on file. A step that is refused or fails keeps no other from its end.
 */
export async function runPoolBatch(
  steps: readonly PoolStep[],
  view: PoolView,
  parts: PoolBatchParts,
): Promise<readonly StepEnd[]> {
  const ends = new Map<Key, StepEnd>();
  const jobs = new Map<Key, Job>();
  for (const step of steps) {
    const planned = planStep(view, step);
    if ('conflict' in planned) ends.set(step.key, { step, conflict: planned.conflict });
    else jobs.set(step.key, { step, plan: planned });
  }
  const after = recordsAfter(view, [...jobs.values()]);
  parts.onIntent(after);
  if (jobs.size > 0) {
    await writeRecords(parts.records, jobs, (plan) => plan.intent);
    const errors = await act(view, [...jobs.values()], after, parts);
    for (const [key, job] of jobs) ends.set(key, await endOf(job, view, errors, parts));
  }
  return steps.map((step) => ends.get(step.key) ?? { step });
}

function planStep(view: PoolView, step: PoolStep) {
  return step.action === 'pool.ensure' ? planEnsure(view, step.spec) : planRemove(view, step.spec);
}

function recordsAfter(view: PoolView, jobs: readonly Job[]): ReadonlyMap<string, PoolRecord> {
  const records = new Map(view.records);
  for (const { step, plan } of jobs) {
    if (plan.settled === null) records.delete(step.spec.name);
    else records.set(step.spec.name, plan.settled);
  }
  return records;
}

async function writeRecords(
  records: PoolRecords,
  jobs: ReadonlyMap<Key, Job>,
  pick: (plan: PoolPlan) => PoolRecord | null,
): Promise<void> {
  await Promise.all(
    [...jobs.values()].map(async ({ step, plan }) => {
      const record = pick(plan);
      if (record !== null) await records.write(step.spec.name, record);
    }),
  );
}

interface Errors {
  readonly links: ReadonlyMap<string, IpFailure>;
  readonly rules: StepError | null;
  readonly warnings: readonly string[];
}

/** Links and rules do not wait for each other: rules name interfaces, which need not exist. */
async function act(
  view: PoolView,
  jobs: readonly Job[],
  after: ReadonlyMap<string, PoolRecord>,
  parts: PoolBatchParts,
): Promise<Errors> {
  const touchesBridges = bridgePools(view.records).length + bridgePools(after).length > 0;
  const [links, rules] = await Promise.allSettled([
    runIpScript(parts.commands, scriptOf(jobs)),
    touchesBridges ? parts.rules.write(bridgePools(after)) : [],
  ]);
  if (links.status === 'rejected') throw links.reason;
  return {
    links: new Map(links.value.map((failure) => [failure.owner, failure])),
    rules: rules.status === 'rejected' ? rulesError(rules.reason) : null,
    warnings: rules.status === 'rejected' ? [] : rules.value,
  };
}

function scriptOf(jobs: readonly Job[]): IpScript {
  const linesOf = (pick: (plan: PoolPlan) => readonly string[]) =>
    jobs.flatMap(({ step, plan }) => pick(plan).map((text) => ({ text, owner: step.key })));
  return { lines: [...linesOf((plan) => plan.removals), ...linesOf((plan) => plan.additions)] };
}

function rulesError(reason: unknown): StepError {
  const message = reason instanceof Error ? reason.message : String(reason);
  return {
    code: failureCode(reason, 'PacketRulesFailed'),
    message: `the packet filter rules of the pools were not set: ${message}`,
  };
}

async function endOf(job: Job, view: PoolView, errors: Errors, parts: PoolBatchParts): Promise<StepEnd> {
  const { step, plan } = job;
  const links = errors.links.get(step.key);
  if (links !== undefined) {
    return { step, error: { code: 'LinkSetupFailed', message: links.message, log: links.log } };
  }
  if (step.spec.type === 'bridge' && errors.rules !== null) return { step, error: errors.rules };
  if (plan.settled === null) {
    await parts.records.remove(step.spec.name);
    return { step, observed: null };
  }
  if (plan.settled.addresses.length !== plan.intent?.addresses.length) {
    await parts.records.write(step.spec.name, plan.settled);
  }
  const { spec } = plan.settled;
  const warnings =
    spec.type === 'macvlan' ? parentWarnings(view.host.links.get(spec.parent)) : errors.warnings;
  return { step, observed: settledPool(plan.settled, warnings) };
}

/** How a step ended, with what is there now: `present` answers for those steps that cannot tell themselves. */
export function stepResult(end: StepEnd, present: ObservedResource<'pool'> | null): StepResult {
  const { key } = end.step;
  const observations = [{ key, observed: end.observed === undefined ? present : end.observed }];
  if (end.conflict !== undefined) return { outcome: 'conflict', conflict: end.conflict, observations };
  if (end.error !== undefined) return { outcome: 'failed', error: end.error, observations };
  return { outcome: 'done', observations };
}
