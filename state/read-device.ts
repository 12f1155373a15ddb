import { inDocumentOrder } from './document-order.ts';
import type { Finding } from './finding.ts';
import { finding } from './finding-catalog.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';
import { MAX_GROUPS } from './limits.ts';
import type { DeviceManifest, GroupManifest } from './manifest.ts';
import { pointerTo } from './pointer.ts';
import { readPools } from './read-pools.ts';
import { checkShape } from './schema/check.ts';
import { publishedSchemas } from './schema/published.ts';

const devicePath = 'device.json';

/** Until a group reaches its goal, where the group says nothing (CTR-6). */
const defaultGroupTimeoutSeconds = 30;

/**
 * Reads `device.json` (POOL-1 to POOL-3, CTR-6); a state without one has no pools and no groups. Findings come in the
 * order of the document. What has an error is not in the manifest; the rest is, so that a caller can go on to
 * find what else is wrong.
 */
export function readDevice(document: Json | undefined): {
  readonly device: DeviceManifest;
  readonly findings: readonly Finding[];
} {
  if (document === undefined) return { device: { pools: new Map(), groups: [] }, findings: [] };
  const shape = checkShape(publishedSchemas.device, document, [devicePath]);
  const { network, groups } = isJsonObject(document) ? document : {};
  const { pools, findings } = readPools(isJsonObject(network) ? network : {});
  const read = readGroups(Array.isArray(groups) ? groups.slice(0, MAX_GROUPS) : []);
  return {
    device: { pools, groups: read.groups },
    findings: inDocumentOrder([...shape, ...findings, ...read.findings], { [devicePath]: document }),
  };
}

function readGroups(documents: readonly Json[]): {
  readonly groups: readonly GroupManifest[];
  readonly findings: readonly Finding[];
} {
  const groups = new Map<string, GroupManifest>();
  const findings: Finding[] = [];
  for (const [index, document] of documents.entries()) {
    if (!isJsonObject(document) || typeof document.name !== 'string') continue;
    if (groups.has(document.name)) findings.push(duplicateGroup(document.name, index));
    else groups.set(document.name, readGroup(document.name, document));
  }
  return { groups: [...groups.values()], findings };
}

function readGroup(name: string, document: JsonObject): GroupManifest {
  const { restart_policy: restartPolicy, status_goal: statusGoal, timeout } = document;
  return {
    name,
    restartPolicy: restartPolicy === 'system' ? 'system' : 'container',
    statusGoal: statusGoal === 'MOUNTED' || statusGoal === 'READY' ? statusGoal : 'STARTED',
    timeoutSeconds: typeof timeout === 'number' ? timeout : defaultGroupTimeoutSeconds,
  };
}

function duplicateGroup(name: string, index: number): Finding {
  return finding('GroupDuplicate', {
    pointer: pointerTo(devicePath, 'groups', index, 'name'),
    found: name,
    expected: 'a name that no group before it has',
    message: `found a second group named '${name}' in ${devicePath}, expected every name once`,
  });
}
