import type { Finding } from './finding.ts';
import type { Json } from './json.ts';
import type { ContainerManifest, DeviceManifest } from './manifest.ts';
import type { FlatState } from './revision.ts';

/** Signature first. One entry of the flat state, alone: its path, and what stands there (REV-1, REV-8). */
export function validateEntry(_path: string, _value: Json): readonly Finding[] {
  return [];
}

/** Signature first. The flat state as a whole: every entry, and the counts (REV-1, REV-8). */
export function validateFlat(_state: FlatState): readonly Finding[] {
  return [];
}

/** Signature first. What a container asks of the device: its group, its pools. Depends on nothing but the two. */
export function validateContainerAgainst(
  _device: DeviceManifest,
  _manifest: ContainerManifest,
): readonly Finding[] {
  return [];
}
