import { devicePath } from './component.ts';
import { inDocumentOrder } from './document-order.ts';
import type { Finding } from './finding.ts';
import { isJsonObject, type Json } from './json.ts';
import { MAX_GROUPS, MAX_INGRESS_RULES } from './limits.ts';
import { type DeviceListeners, listenersOf, noListeners } from './listeners.ts';
import type { DeviceManifest } from './manifest.ts';
import { readGroups } from './read-group.ts';
import { readIngress } from './read-ingress.ts';
import { readPools } from './read-pools.ts';
import { checkShape } from './schema/check.ts';
import { publishedSchemas } from './schema/published.ts';

const nothing = Object.freeze({
  device: { pools: new Map(), groups: [], ingress: [] },
  listeners: noListeners,
  findings: [],
});

/**
 * Reads `device.json` (POOL-1 to POOL-3, CTR-6, ING-1 to ING-3); a state without one has no pools, groups and rules. Findings come in the
 * order of the document. What has an error is not in the manifest; the rest is, so that a caller can go on to
 * find what else is wrong.
 */
export function readDevice(document: Json | undefined): {
  readonly device: DeviceManifest;
  readonly listeners: DeviceListeners;
  readonly findings: readonly Finding[];
} {
  if (document === undefined) return nothing;
  const shape = checkShape(publishedSchemas.device, document, [devicePath]);
  const { network, groups, ingress } = isJsonObject(document) ? document : {};
  const { pools, findings } = readPools(isJsonObject(network) ? network : {});
  const read = readGroups(Array.isArray(groups) ? groups.slice(0, MAX_GROUPS) : []);
  const rules = readIngress(Array.isArray(ingress) ? ingress.slice(0, MAX_INGRESS_RULES) : []);
  return {
    device: { pools, groups: read.groups, ingress: rules.rules },
    listeners: listenersOf(rules.rules),
    findings: inDocumentOrder([...shape, ...findings, ...read.findings, ...rules.findings], {
      [devicePath]: document,
    }),
  };
}
