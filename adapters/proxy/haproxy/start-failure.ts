import { ProxyError } from '../proxy.ts';
import type { Named, NamedListener } from './proxy-names.ts';

/** How HAProxy says that it can't listen (2.6: proto_tcp.c, cli messages of `protocol_bind_all`). */
const cannotBind = /for (?:proxy|frontend|listener)? ?([lr][0-9a-f]{24}): (.*?) \(([^)]+)\) for \[(.+)\]/;

const codes: readonly (readonly [reason: RegExp, code: string])[] = [
  [/already in use/, 'PortTaken'],
  [/Cannot assign/, 'AddressNotHere'],
  [/denied|not permitted/, 'PortForbidden'],
];

/** Code of a ProxyError for a system error of listening; null: it is another. */
export function codeOfBinding(reason: string): string | null {
  return codes.find(([pattern]) => pattern.test(reason))?.[1] ?? null;
}

const shownLines = 10;

/** Why a process of HAProxy does not serve these, by what it said. */
export function startFailure(log: string, { listeners }: Named): ProxyError {
  const alerts = log.split('\n').filter((line) => line.includes('[ALERT]'));
  const about = { log: alerts.slice(0, shownLines) };
  const [, section = '', , reason = '', where = ''] = cannotBind.exec(alerts.join('\n')) ?? [];
  const listener = listeners.find((one) => sectionsOf(one).includes(section));
  const code = codeOfBinding(reason);
  if (code !== null && listener !== undefined) {
    const message = `HAProxy can't listen at ${where} for '${listener.name}': ${reason}`;
    return new ProxyError(code, message, { ...about, listener: listener.name });
  }
  const said = alerts[0] ?? 'it said nothing';
  if (/ config : /.test(log)) {
    return new ProxyError('ProxyConfigurationRefused', `HAProxy refused its configuration: ${said}`, about);
  }
  return new ProxyError('ProxyFailed', `HAProxy does not serve what it was given: ${said}`, about);
}

function sectionsOf({ section, routes }: NamedListener): readonly string[] {
  return [section, ...routes.map((route) => route.section)];
}
