import {
  type CompileContext,
  type CompiledContainer,
  compileContainer,
  compileGroup,
  compilePool,
  finishContainer,
  unlessSame,
  withSystem,
} from './compile.ts';
import { compileLink, requiredProviders } from './compile-link.ts';
import { compileListener, type ListenerContext } from './compile-listener.ts';
import type { Changes, DesiredContent } from './desired-content.ts';
import type { LedgerOutcome } from './ledger.ts';
import type { Outlook } from './outlook.ts';
import { containersPlacedAnew } from './placed-anew.ts';
import type { ConsumerLinks } from './resolve-requirements.ts';
import {
  containerKey,
  type DesiredResource,
  groupKey,
  type Key,
  linkKey,
  listenerKey,
  poolKey,
} from './resource.ts';
import { type SystemMembers, withMembers } from './system-transition.ts';

export interface Compiled {
  /** Resources that differ from those of the content, in no particular order; null: gone. */
  readonly changes: Changes;
  readonly system: SystemMembers;
}

/**
 * What an outlook makes of the resources of `content`, whose ledger has already been asked for everything; `outcome` is what
 * came of that. Looks at what the outlook changes and at what depends on it alone (ENG-6).
 */
export function compileOutlook(content: DesiredContent, outlook: Outlook, outcome: LedgerOutcome): Compiled {
  const changes = new Map<Key, DesiredResource | null>();
  const note = (resource: DesiredResource): void => {
    const before = content.resource(resource.key);
    if (unlessSame(before, resource) !== before) changes.set(resource.key, resource);
  };
  for (const [name, spec] of outlook.pools) {
    if (spec === null) changes.set(poolKey(name), null);
    else note(compilePool(spec));
  }
  for (const [name, group] of outlook.changedGroups) {
    if (group === null) changes.set(groupKey(name), null);
    else note(compileGroup(group));
  }
  const drafts = draftContainers(content, outlook, outcome);
  const before = content.standing.system;
  const system = withMembers(before, memberChanges(drafts));
  for (const [name, draft] of drafts) {
    const gone = new Set(content.keysOf.get(name));
    for (const resource of draft === null ? [] : finished(draft, system)) {
      gone.delete(resource.key);
      note(resource);
    }
    for (const key of gone) changes.set(key, null);
  }
  for (const [name, links] of outlook.links) {
    const gone = new Set(
      content.links.get(name)?.links.map(({ spec }) => linkKey(spec.consumer, spec.target)),
    );
    for (const link of (links?.links ?? []).map(compileLink)) {
      gone.delete(link.key);
      note(link);
    }
    for (const key of gone) changes.set(key, null);
  }
  if (system.digest !== before.digest) restartOthers(content, drafts, system, note);
  const listening: ListenerContext = {
    resolutions: outlook.resolutions,
    grant: (lease) => content.ledger.grant(lease),
    pool: (name) => outlook.device.device.pools.get(name),
  };
  for (const [name, listener] of affectedListeners(content, outlook, drafts)) {
    if (listener === null) changes.set(listenerKey(name), null);
    else note(compileListener(listener, listening));
  }
  return { changes, system };
}

type Drafts = ReadonlyMap<string, CompiledContainer | null>;

/** Containers whose resources may differ; null: gone, or none any more. */
function draftContainers(content: DesiredContent, outlook: Outlook, outcome: LedgerOutcome): Drafts {
  const { pools } = outlook.device.device;
  const context: CompileContext = {
    pool: (name) => pools.get(name),
    groups: outlook.groups,
    providers: (container) => requiredProviders(linksIn(content, outlook, container)),
    grant: (lease) => content.ledger.grant(lease),
    reservationConflict: (container) => content.ledger.reservationConflict(container),
  };
  const drafts = new Map<string, CompiledContainer | null>();
  for (const name of affected(content, outlook, outcome)) {
    const reading = outlook.readings.has(name) ? outlook.readings.get(name) : content.readings.get(name);
    const manifest = reading?.manifest ?? null;
    drafts.set(name, manifest === null ? null : compileContainer(manifest, context));
  }
  return drafts;
}

function linksIn(content: DesiredContent, { links }: Outlook, container: string): ConsumerLinks | null {
  return (links.has(container) ? links.get(container) : content.links.get(container)) ?? null;
}

/** Containers to compile anew: they differ, or something that they stand on or belong to does. */
function affected(content: DesiredContent, outlook: Outlook, outcome: LedgerOutcome): ReadonlySet<string> {
  const names = new Set([...outlook.readings.keys(), ...outcome.containers, ...outlook.links.keys()]);
  for (const pool of outlook.pools.keys()) {
    for (const name of content.byPool.naming(pool)) names.add(name);
  }
  for (const name of containersPlacedAnew(content, outlook)) names.add(name);
  return names;
}

/** Listeners to compile anew: their rules differ, or what a provider of theirs is; null: gone. */
function affectedListeners(
  content: DesiredContent,
  { changedListeners, device, resolutions }: Outlook,
  drafts: Drafts,
): Outlook['changedListeners'] {
  const affected = new Map(changedListeners);
  const { byName, byProvider } = device.listeners;
  const add = (name: string): void => {
    const listener = byName.get(name);
    if (listener !== undefined) affected.set(name, listener);
  };
  for (const provider of drafts.keys()) for (const name of byProvider.get(provider) ?? []) add(name);
  const before = content.standing.resolutions;
  if (resolutions === before) return affected;
  for (const [name, { rules }] of byName) {
    if (rules.some((rule) => resolutions.get(rule.name) !== before.get(rule.name))) add(name);
  }
  return affected;
}

function* memberChanges(drafts: Drafts): Iterable<readonly [string, string | null]> {
  for (const [name, compiled] of drafts) yield [name, compiled?.draft.systemDigest ?? null];
}

function finished(
  { leases, draft }: CompiledContainer,
  { digest }: SystemMembers,
): readonly DesiredResource[] {
  return [...leases, finishContainer(draft, digest)];
}

/** A system transition: every container that is not compiled anew differs by the state of the system (ROLL-8). */
function restartOthers(
  content: DesiredContent,
  drafts: Drafts,
  { digest }: SystemMembers,
  note: (resource: DesiredResource) => void,
): void {
  for (const name of content.keysOf.keys()) {
    const container = drafts.has(name) ? undefined : content.resource(containerKey(name));
    if (container !== undefined) note(withSystem(container, digest));
  }
}
