import type { Finding } from './finding.ts';
import { finding } from './finding-catalog.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';
import { MAX_SERVICES } from './limits.ts';
import type { ServiceManifest } from './manifest.ts';
import { pointerTo } from './pointer.ts';

const types: readonly string[] = ['unix', 'rest', 'dbus', 'drm', 'wayland', 'tcp', 'http'];

/**
 * Reads `<container>/services.json` in both its forms: an array, or an object with an array `services` (ING-7, LINK-1). Its shape is
 * reported elsewhere: what is of a wrong one is passed over here. Of two services of one name the second is left out.
 */
export function readServices(
  path: string,
  document: Json | undefined,
): { readonly services: readonly ServiceManifest[]; readonly findings: readonly Finding[] } {
  const members = Array.isArray(document) ? [] : ['services'];
  const entries = isJsonObject(document) ? document.services : document;
  const services = new Map<string, ServiceManifest>();
  const findings: Finding[] = [];
  for (const [index, entry] of (Array.isArray(entries) ? entries.slice(0, MAX_SERVICES) : []).entries()) {
    const service = readService(entry, pointerTo(path, ...members, index));
    if (service === null) continue;
    if (services.has(service.name)) findings.push(duplicate(path, service));
    else services.set(service.name, service);
  }
  return { services: [...services.values()], findings };
}

function readService(entry: Json, pointer: string): ServiceManifest | null {
  if (!isJsonObject(entry)) return null;
  const { name, type, socket, port } = entry as JsonObject;
  if (typeof name !== 'string' || typeof type !== 'string' || !types.includes(type)) return null;
  return {
    name,
    type: type as ServiceManifest['type'],
    socket: typeof socket === 'string' ? socket : null,
    port: typeof port === 'number' ? port : null,
    pointer,
  };
}

function duplicate(path: string, { name, pointer }: ServiceManifest): Finding {
  const expected = 'every name once';
  return finding('ServiceDuplicate', {
    pointer: `${pointer}/name`,
    found: name,
    expected,
    message: `found a second service named '${name}' in ${path}, expected ${expected}`,
  });
}
