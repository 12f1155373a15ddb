import type { ServiceManifest } from './manifest.ts';
import type { LinkType } from './resource.ts';

/** Those that are linked: mounted into the container that uses them (LINK-1). All others are reached at addresses. */
export const linkTypes: readonly LinkType[] = ['unix', 'rest', 'dbus', 'drm', 'wayland'];

export const serviceTypes: readonly ServiceManifest['type'][] = [...linkTypes, 'tcp', 'http'];

/** True for a type that makes a link. */
export function isLinkType(type: string): type is LinkType {
  return (linkTypes as readonly string[]).includes(type);
}

/** True for what `services.json` may give as a type. */
export function isServiceType(type: string): type is ServiceManifest['type'] {
  return (serviceTypes as readonly string[]).includes(type);
}
