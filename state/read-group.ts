import { devicePath } from './component.ts';
import type { Finding } from './finding.ts';
import { finding } from './finding-catalog.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';
import type { GroupManifest, RestartPolicy } from './manifest.ts';
import { pointerTo } from './pointer.ts';
import { readRecovery } from './read-recovery.ts';
import type { StatusGoal } from './resource.ts';
import { unsupportedRecovery } from './unsupported-fields.ts';

/** Until a group reaches its goal, where the group says nothing (CTR-6). */
const defaultTimeoutSeconds = 30;

/** What a container has to reach where neither it nor its group says (CTR-6). */
export const defaultStatusGoal: StatusGoal = 'STARTED';

/** What a change of a container restarts where neither it nor its group says (ROLL-8). */
export const defaultRestartPolicy: RestartPolicy = 'container';

/** A status goal as documents spell it; null where there is none. */
export function readStatusGoal(value: Json | undefined): StatusGoal | null {
  return value === 'MOUNTED' || value === 'STARTED' || value === 'READY' ? value : null;
}

/** A restart policy as documents spell it; null where there is none. */
export function readRestartPolicy(value: Json | undefined): RestartPolicy | null {
  return value === 'system' || value === 'container' ? value : null;
}

/**
 * Reads `groups` of device.json, in their order (CTR-6). Their shape is reported elsewhere: what is of a wrong one is passed
 * over here. Of two with one name, the first is kept and the second reported.
 */
export function readGroups(documents: readonly Json[]): {
  readonly groups: readonly GroupManifest[];
  readonly findings: readonly Finding[];
} {
  const groups = new Map<string, GroupManifest>();
  const findings: Finding[] = [];
  for (const [index, document] of documents.entries()) {
    if (!isJsonObject(document) || typeof document.name !== 'string') continue;
    if (groups.has(document.name)) findings.push(duplicateGroup(document.name, index));
    else groups.set(document.name, readGroup(document.name, document));
    findings.push(...unsupportedRecovery([devicePath, 'groups', index], document.auto_recovery));
  }
  return { groups: [...groups.values()], findings };
}

function readGroup(name: string, document: JsonObject): GroupManifest {
  const { timeout } = document;
  return {
    name,
    restartPolicy: readRestartPolicy(document.restart_policy) ?? defaultRestartPolicy,
    statusGoal: readStatusGoal(document.status_goal) ?? defaultStatusGoal,
    timeoutSeconds: typeof timeout === 'number' ? timeout : defaultTimeoutSeconds,
    recovery: readRecovery(document.auto_recovery),
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
