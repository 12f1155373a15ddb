import type { Finding } from './finding.ts';
import type { Json } from './json.ts';
import type { DeviceManifest } from './manifest.ts';

/** Signature first; the reading follows. */
export function readDevice(_document: Json | undefined): {
  readonly device: DeviceManifest;
  readonly findings: readonly Finding[];
} {
  return { device: { pools: new Map(), groups: [] }, findings: [] };
}
