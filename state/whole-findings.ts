import { specPath } from './component.ts';
import type { DesiredContent } from './desired-content.ts';
import { acceptable, type Finding } from './finding.ts';
import { findingsInOrder, inOrderOf, type Outlook, orderIn } from './outlook.ts';
import type { StateTree } from './tree.ts';
import { missingSpec, nothingLeft } from './validate.ts';

/**
 * All that there is to say of an outlook, in the order of the revision (REV-6): of its documents, of what containers share, and of
 * the state as a whole. `content` is what the outlook is a change of; it stays as it is.
 */
export function wholeFindings(content: DesiredContent, outlook: Outlook): readonly Finding[] {
  const findings = findingsInOrder({ ...outlook, warned: withSharedNames(content, outlook) });
  const empty = acceptable(findings) && wantsNothing(content, outlook);
  return [...(empty ? [nothingLeft()] : []), ...findings, ...(hasSpec(outlook.tree) ? [] : [missingSpec()])];
}

function hasSpec(tree: StateTree): boolean {
  return tree.document(specPath) !== undefined;
}

function wantsNothing(content: DesiredContent, { device, readings }: Outlook): boolean {
  if (device.device.pools.size > 0) return false;
  let containers = content.keysOf.size;
  for (const [name, reading] of readings) {
    containers += Number((reading?.manifest ?? null) !== null) - Number(content.keysOf.has(name));
  }
  return containers === 0;
}

/** Findings of containers, with those of names that several of them go by. */
function withSharedNames(content: DesiredContent, { tree, readings, warned }: Outlook): Outlook['warned'] {
  const exchanged = [...readings].map(([name, reading]) => ({
    before: content.readings.get(name)?.manifest ?? null,
    after: reading?.manifest ?? null,
  }));
  for (const { before, after } of exchanged) content.names.exchange(before, after);
  const shared = content.names.findings((name) => orderIn(tree, name));
  for (const { before, after } of exchanged) content.names.exchange(after, before);
  const all = new Map(warned);
  for (const [name, finding] of shared)
    all.set(name, inOrderOf(tree, name, [...(all.get(name) ?? []), finding]));
  return all;
}
