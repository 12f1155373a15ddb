import { compileOutlook } from './compilation.ts';
import { requestsOf } from './compile.ts';
import { devicePath } from './component.ts';
import type { DesiredContent, Move, Readings } from './desired-content.ts';
import { type ContainerReading, type Draft, objectFindings } from './draft.ts';
import type { Finding } from './finding.ts';
import { rankGroups } from './groups.ts';
import type { ContainerRequests, LedgerChange } from './ledger.ts';
import { changedEntries, findingsOf, type Outlook, orderIn } from './outlook.ts';
import { readDevice } from './read-device.ts';
import { resolveLinks } from './resolve-links.ts';
import { resolveServices } from './resolve-services.ts';
import type { ObjectFacts, Proposal } from './revision.ts';

/** What a draft makes of the documents of `content`. `readings` are those of all containers that differ. */
export function outlookOf(
  content: DesiredContent,
  draft: Draft,
  readings: Readings,
  facts: ObjectFacts,
): Outlook {
  const { tree } = draft;
  const before = content.standing;
  const sameDevice = tree.component(devicePath)?.digest === before.tree.component(devicePath)?.digest;
  const device = sameDevice ? before.device : readDevice(tree.document(devicePath));
  const groups = sameDevice ? before.groups : rankGroups(device.device.groups);
  const changedGroups = sameDevice ? new Map() : changedEntries(before.groups, groups);
  const links = resolveLinks(content, { tree, device, groups, changedGroups, readings });
  const warned = new Map(before.warned);
  const review = (name: string, reading: ContainerReading | null, missing: readonly Finding[] = []): void => {
    const ofLinks = (links.has(name) ? links.get(name) : content.links.get(name))?.findings ?? [];
    const findings =
      reading === null ? [] : findingsOf(name, reading, { tree, device, missing, links: ofLinks });
    if (findings.length === 0) warned.delete(name);
    else warned.set(name, findings);
  };
  if (!sameDevice) for (const [name, reading] of content.readings) review(name, reading);
  else for (const name of links.keys()) review(name, content.readings.get(name) ?? null);
  const missing = objectFindings(draft, facts);
  for (const [name, reading] of readings) review(name, reading, missing.get(name));
  return {
    tree,
    device,
    groups,
    readings,
    links,
    pools: sameDevice ? new Map() : changedEntries(before.device.device.pools, device.device.pools),
    changedGroups,
    changedListeners: sameDevice
      ? new Map()
      : changedEntries(before.device.listeners.byName, device.listeners.byName),
    resolutions: resolveServices(content, device, readings),
    warned,
  };
}

/** Carries an outlook out, notes what comes of it, and takes it back. `findings` are all that there are of it. */
export function rehearse(
  content: DesiredContent,
  outlook: Outlook,
  findings: readonly Finding[],
): { readonly move: Move; readonly leases: Proposal['leases'] } {
  const { tree, device, groups, resolutions, warned, readings, links } = outlook;
  const leases = ledgerChange(outlook);
  const { outcome, undo } = content.ledger.transact(leases);
  try {
    const { changes, system } = compileOutlook(content, outlook, outcome);
    const standing = { tree, device, groups, system, resolutions, warned, findings };
    return {
      move: { standing, readings, links, changes, leases },
      leases: { held: outcome.held, released: outcome.released },
    };
  } finally {
    undo();
  }
}

function ledgerChange({ readings, pools, tree }: Outlook): LedgerChange {
  const containers = new Map<string, ContainerRequests | null>();
  for (const [name, reading] of readings) {
    const manifest = reading?.manifest ?? null;
    containers.set(name, manifest === null ? null : requestsOf(manifest));
  }
  return { pools, containers, orderOf: (name) => orderIn(tree, name) };
}
