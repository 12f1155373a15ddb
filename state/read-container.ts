import type { Finding } from './finding.ts';
import type { Json } from './json.ts';
import type { ContainerManifest } from './manifest.ts';

/** Signature first; the reading follows. */
export function readContainer(
  _name: string,
  _documents: Readonly<Record<string, Json>>,
  _texts: Readonly<Record<string, string>>,
): { readonly manifest: ContainerManifest | null; readonly findings: readonly Finding[] } {
  return { manifest: null, findings: [] };
}
