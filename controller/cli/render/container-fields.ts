import { exitText } from '../../../state/exit-text.ts';
import type { ContainerSpec, FactsByKind, Lifecycle, Recovery } from '../../../state/resource.ts';
import type { ResourceDescription } from '../../api/contract.ts';
import { localInstant } from './moment.ts';
import { count } from './text.ts';

type Facts = FactsByKind['container'];

/** A window that is longer than any device runs is none. */
const longestWindowMs = 100 * 365 * 86_400_000;

const seconds = (milliseconds: number): string => `${milliseconds / 1000} s`;

function groupText({ group, rank }: Lifecycle): string {
  return group === null ? 'none: it is started after all groups' : `${group}, place ${rank + 1}`;
}

/** Readiness is of those alone that have to say so. */
function runningText({ running, pid, ready }: Facts, goal: ContainerSpec['goal'] | undefined): string {
  if (!running) return 'no';
  const process = pid === null ? 'yes' : `as process ${pid}`;
  if (goal !== 'READY') return process;
  return `${process}, ${ready ? 'and has said that it is ready' : 'and has not said that it is ready'}`;
}

function exitField({ exit, running }: Facts): string {
  if (exit !== null) return `${exitText(exit)}, ${localInstant(exit.at)}`;
  return running ? 'none since it was started' : 'none that was seen';
}

const policyTexts: Readonly<Record<Recovery['policy'], string>> = {
  no: 'it is not started again',
  always: 'it is started again after any exit',
  'on-failure': 'it is started again after an exit with another code than 0, or by a signal',
  'unless-stopped': 'it is started again after any exit but one that was asked for',
};

function recoveryText(recovery: Recovery | null): string {
  if (recovery === null) return 'nothing is said: it is started again after any exit';
  const { policy, maxRetries, retryDelayMs, backoffFactor, resetWindowMs, stableTimeoutMs } = recovery;
  const stable =
    stableTimeoutMs === 0 ? '' : `; a trial waits until it has run for ${seconds(stableTimeoutMs)}`;
  if (policy === 'no') return `${policy}: ${policyTexts[policy]}${stable}`;
  const limit = maxRetries === null ? 'without limit' : `at most ${count(maxRetries, 'time')} in a row`;
  const growth = backoffFactor === 1 ? '' : `, each time ${backoffFactor} times as long`;
  const anew = resetWindowMs > longestWindowMs ? '' : `; counted anew after ${seconds(resetWindowMs)}`;
  return `${policy}: ${policyTexts[policy]}, ${limit}, after ${seconds(retryDelayMs)}${growth}${anew}${stable}`;
}

/** What there is to say of a container besides what every resource has: label and text. */
export function containerFields({
  spec,
  observed,
  lifecycle,
}: Pick<ResourceDescription, 'spec' | 'observed' | 'lifecycle'>): readonly (readonly [
  label: string,
  text: string,
])[] {
  const desired = spec as unknown as ContainerSpec | null;
  const facts = (observed as unknown as { readonly facts: Facts } | null)?.facts ?? null;
  return [
    ...(desired === null ? [] : [['Goal', desired.goal] as const]),
    ...(lifecycle === null
      ? []
      : [['Group', groupText(lifecycle)] as const, ['Recovery', recoveryText(lifecycle.recovery)] as const]),
    ...(facts === null
      ? []
      : [['Runs', runningText(facts, desired?.goal)] as const, ['Last exit', exitField(facts)] as const]),
  ];
}
