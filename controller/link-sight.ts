import type {
  DesiredResource,
  FactsByKind,
  Key,
  LinkEnd,
  LinkSpec,
  ObservedResource,
} from '../state/resource.ts';
import type { Status } from '../state/status.ts';
import type { LinkParty } from './api/contract.ts';
import { type ObservedLookup, pidOf } from './graph.ts';

/** A link as it is desired and observed; one that is not desired is being removed. */
export interface LinkSight {
  readonly key: Key;
  readonly desired: DesiredResource | undefined;
  readonly observed: ObservedResource | undefined;
  readonly status: Status;
}

/** What is wanted of a link, or was made of it where it is being removed; null: neither is known. */
export function linkSpecOf({ desired, observed }: LinkSight): LinkSpec | null {
  return ((desired ?? observed)?.spec as LinkSpec | undefined) ?? null;
}

/** What was seen of a link; null: there is none yet. */
export function linkFactsOf({ observed }: LinkSight): FactsByKind['link'] | null {
  return (observed?.facts as FactsByKind['link'] | undefined) ?? null;
}

/** The two ends of a link. */
export interface LinkEnds {
  readonly consumer: LinkParty;
  readonly provider: LinkParty;
}

/** Both ends as they are now, and as they were when it was made. */
export function linkEnds(sight: LinkSight, spec: LinkSpec, containers: ObservedLookup): LinkEnds {
  const facts = linkFactsOf(sight);
  const party = (container: string, path: string, made: LinkEnd | undefined): LinkParty => ({
    container,
    path,
    pid: pidOf(container, containers),
    made: made ?? null,
  });
  return {
    consumer: party(spec.consumer, spec.target, facts?.consumer),
    provider: party(spec.provider, spec.socket, facts?.provider),
  };
}

/** It was made for another start of this container than the present one: what was made then is not there any more. */
export function isFromBefore({ pid, made }: LinkParty): boolean {
  return made !== null && made.pid !== null && made.pid !== pid;
}
