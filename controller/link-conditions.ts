import { holds } from '../reconcilers/holds.ts';
import type { Condition, LinkParty } from './api/contract.ts';
import { type Aspect, conditionsOf, isFalse, isTrue, isUnknown, reasonOf, removing } from './conditions.ts';
import { isFromBefore, type LinkEnds, type LinkSight, linkFactsOf } from './link-sight.ts';

/** Conflicts by what the provider has, not by what the consumer has at the target. */
const sourceCodes: ReadonlySet<string> = new Set(['LinkSourceRefused', 'LinkDeviceRefused']);

/** The conditions of a link with these ends (see Condition), each once, in the order in which they come about. */
export function linkConditions(link: LinkSight, ends: LinkEnds): readonly Condition[] {
  const aspects =
    link.desired === undefined
      ? { Accepted: removing, ResolvedRefs: removing, Programmed: removing }
      : {
          Accepted: accepted(link, ends),
          ResolvedRefs: resolvedRefs(link, ends),
          Programmed: programmed(link, ends),
        };
  return conditionsOf(aspects, link.status.revision);
}

/** At rest it goes by the target alone: that its source was refused says nothing of that. */
function accepted({ observed, status }: LinkSight, { consumer }: LinkEnds): Aspect {
  if (status.phase === 'Blocked' && !sourceCodes.has(status.reason))
    return isFalse(status.reason, status.message);
  if (observed === undefined) return isUnknown('Pending', 'its target has not been looked at yet');
  return isTrue('Accepted', `container '${consumer.container}' can have it at ${consumer.path}`);
}

function resolvedRefs(link: LinkSight, { provider }: LinkEnds): Aspect {
  const { status } = link;
  if (sourceCodes.has(status.reason)) return isFalse(status.reason, status.message);
  if (provider.pid === null)
    return isFalse('ProviderNotReady', `container '${provider.container}' does not run`);
  const facts = linkFactsOf(link);
  if (facts === null) return isUnknown('Pending', 'what its provider has was not looked at yet');
  if (facts.awaits !== null) return isFalse('BackendNotFound', facts.awaits);
  return isTrue('ResolvedRefs', `container '${provider.container}' has ${provider.path}`);
}

function programmed(link: LinkSight, ends: LinkEnds): Aspect {
  const { desired, observed, status } = link;
  if (observed === undefined) return isFalse(reasonOf(status), status.message);
  if (observed.drift.length > 0) return isFalse('Drifted', observed.drift.join('; '));
  const before = [ends.provider, ends.consumer].find(isFromBefore);
  if (before !== undefined) return isFalse('Drifted', fromBeforeText(before));
  const awaits = linkFactsOf(link)?.awaits ?? null;
  if (awaits !== null) return isFalse('Pending', awaits);
  if (!holds(desired, observed))
    return isFalse(reasonOf(status), `it still is as it was before: ${status.message}`);
  const { provider, consumer } = ends;
  return isTrue(
    'Programmed',
    `container '${consumer.container}' has at ${consumer.path} what container '${provider.container}' has at ${provider.path}`,
  );
}

function fromBeforeText({ container, pid }: LinkParty): string {
  return pid === null
    ? `container '${container}', for which it was made, does not run any more`
    : `container '${container}' was started anew since it was made`;
}
