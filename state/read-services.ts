import { type Finding, quote } from './finding.ts';
import { finding } from './finding-catalog.ts';
import { isJsonObject, type Json } from './json.ts';
import { MAX_SERVICES } from './limits.ts';
import type { ServiceManifest } from './manifest.ts';
import { absolutePathProblem } from './path-problem.ts';
import { pointerTo } from './pointer.ts';
import { isServiceType } from './service-types.ts';

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
    findings.push(...socketFindings(service));
  }
  return { services: [...services.values()], findings };
}

function readService(entry: Json, pointer: string): ServiceManifest | null {
  if (!isJsonObject(entry)) return null;
  const { name, type, socket, port } = entry;
  if (typeof name !== 'string' || typeof type !== 'string' || !isServiceType(type)) return null;
  return {
    name,
    type,
    socket: typeof socket === 'string' ? socket : null,
    port: typeof port === 'number' ? port : null,
    pointer,
  };
}

/** A socket that does not begin with a slash has the wrong shape, which is reported elsewhere. */
function socketFindings({ name, socket, pointer }: ServiceManifest): readonly Finding[] {
  const problem = socket?.startsWith('/') ? absolutePathProblem(socket) : null;
  if (problem === null) return [];
  const expected = 'an absolute path of printable characters';
  return [
    finding('ServiceSocketInvalid', {
      pointer: `${pointer}/socket`,
      found: socket,
      expected,
      message: `found ${problem}, ${quote(socket)}, as the socket of service ${quote(name)}, expected ${expected}`,
    }),
  ];
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
