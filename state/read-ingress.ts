import { devicePath } from './component.ts';
import type { Finding } from './finding.ts';
import { finding } from './finding-catalog.ts';
import { collisions, type IngressRule, readExternal } from './ingress.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';
import { hostnamePattern } from './names.ts';
import { pointerTo } from './pointer.ts';

/**
 * Reads `ingress` of device.json (ING-1 to ING-3), in its order. Its shape is reported elsewhere: what is of a wrong one is passed over
 * here. Rules with an error are left out; of two that collide, so is the second.
 */
export function readIngress(documents: readonly Json[]): {
  readonly rules: readonly IngressRule[];
  readonly findings: readonly Finding[];
} {
  const rules = new Map<string, IngressRule>();
  const findings: Finding[] = [];
  for (const [index, document] of documents.entries()) {
    if (!isShaped(document)) continue;
    const read = readRule(document, index);
    if ('code' in read) findings.push(read);
    else if (rules.has(read.name)) findings.push(duplicateName(read));
    else rules.set(read.name, read);
  }
  for (const [later, earlier] of collisions([...rules.values()])) {
    rules.delete(later.name);
    findings.push(collision(later, earlier));
  }
  return { rules: [...rules.values()], findings };
}

interface Shaped extends JsonObject {
  readonly name: string;
  readonly type: 'tcp' | 'http';
  readonly external: string;
  readonly provider: string;
  readonly service: string;
}

function isShaped(document: Json): document is Json & Shaped {
  if (!isJsonObject(document)) return false;
  const texts = [document.name, document.external, document.provider, document.service];
  return texts.every((text) => typeof text === 'string') && ['tcp', 'http'].includes(String(document.type));
}

function readRule(document: Shaped, index: number): IngressRule | Finding {
  const { name, type, provider, service } = document;
  const external = readExternal(document.external, type);
  const place = (member: string) => pointerTo(devicePath, 'ingress', index, member);
  if ('found' in external) return externalInvalid(document, external, place('external'));
  const host = readRoutedHost(document);
  if (host === undefined) return hostInvalid(document, place('host'));
  const keepPrefix = document.keepPrefix === true;
  const pointer = pointerTo(devicePath, 'ingress', index);
  return { name, type, ...external, host, keepPrefix, provider, service, pointer };
}

/** Null: for every host; undefined: what stands there is no host name, or none that bytes of tcp could carry. */
function readRoutedHost({ type, host }: Shaped): string | null | undefined {
  if (host === undefined) return null;
  if (typeof host !== 'string' || type === 'tcp') return undefined;
  const name = host.toLowerCase();
  return hostnamePattern.test(name.replace(/^\*\./, '')) ? name : undefined;
}

function externalInvalid(
  { name, external }: Shaped,
  { found, expected }: { readonly found: string; readonly expected: string },
  pointer: string,
): Finding {
  const message = `found ${found} in 'external' of ingress rule '${name}', expected ${expected}`;
  return finding('IngressExternalInvalid', { pointer, found: external, expected, message });
}

function hostInvalid({ name, type, host }: Shaped, pointer: string): Finding {
  const expected =
    type === 'tcp'
      ? 'no host, since bytes of tcp name none'
      : 'a host name such as "a.example", or "*.example" for all below it';
  const message = `found ${JSON.stringify(host)} as host of ingress rule '${name}', expected ${expected}`;
  return finding('IngressHostInvalid', { pointer, found: host, expected, message });
}

function duplicateName({ name, pointer }: IngressRule): Finding {
  return finding('IngressDuplicate', {
    pointer: `${pointer}/name`,
    found: name,
    expected: 'a name that no rule before it has',
    message: `found a second ingress rule named '${name}' in ${devicePath}, expected every name once`,
  });
}

function collision(later: IngressRule, earlier: IngressRule): Finding {
  const { port } = later.listen;
  const expected = 'a port, host or path of its own';
  const what =
    later.type === 'http' && earlier.type === 'http'
      ? `the same host and path on port ${port}`
      : `port ${port} for itself`;
  return finding('IngressCollision', {
    pointer: `${later.pointer}/external`,
    found: later.name,
    expected,
    message: `found ingress rules '${earlier.name}' (${earlier.pointer}) and '${later.name}' (${later.pointer}), which both ask for ${what}; expected ${expected} for each`,
  });
}
