import type { LinkSlots } from './link-slots.ts';
import { slotSection } from './proxy-names.ts';
import { eventStreamRule, messageRefusals } from './shared-rules.ts';
import {
  chunkRefusal,
  chunkRoute,
  loopSections,
  type TrailerRules,
  trailerDropping,
} from './trailer-rules.ts';

/** Section that listens for all rest links; each has a socket of its own there, by whose name it is known. */
export const linksSection = 'links';

/** So many connections one link may have; more of them wait to be taken, so that nobody takes what others need. */
const mostConnections = 500;

/**
 * Fields by which a client could claim to be another, however a gateway may read what parts the words (RFC 3875, 4.1.18: anything becomes `_`); fields with which it
 * could have the next reader take away others (`connection`), ours among them; and what asks for a tunnel. One look for all of them: each costs every request.
 */
const removed = '^(x[^a-z0-9]pv([^a-z0-9].*)?|connection|upgrade|http2-settings)$';

/** Asks for a WebSocket (RFC 6455, 4.1). */
const isWebSocket = '{ method GET } { req.ver 1.1 } { req.fhdr(upgrade) -m str -i websocket }';

/**
 * What becomes of a request of a rest link (LINK-5): it says in whose name it comes, and is passed on. Whoever had a link that is no more is let go.
 * Nothing but these rules sets or reads what begins with `X-PV-`; a path, a query and all else are the provider's business.
 */
function requestRules(routesFile: string): readonly string[] {
  return [
    `  tcp-request connection reject unless { so_name,map_str(${routesFile}) -m sub ' ' }`,
    `  http-request set-var(txn.link) so_name,map_str(${routesFile})`,
    "  http-request reject unless { var(txn.link) -m sub ' ' }",
    ...messageRefusals,
    ...chunkRefusal,
    "  http-request deny deny_status 400 if { url -m reg '[#\\x7f]' }",
    // No other tunnel: one of HTTP would carry requests past everything that stands here.
    `  http-request set-var(txn.tunnel) bool(true) if ${isWebSocket}`,
    `  http-request del-header '${removed}' -m reg`,
    '  http-request set-header connection upgrade if { var(txn.tunnel) -m found }',
    '  http-request set-header upgrade websocket if { var(txn.tunnel) -m found }',
    `  http-request set-header X-PV-Client "%[var(txn.link),field(1,' ')]"`,
    `  http-request set-header X-PV-Role "%[var(txn.link),field(2,' ')]"`,
    eventStreamRule,
  ];
}

/** The kernel tells at once when somebody leaves a unix socket; to ask for TCP's probes costs each connection eight system calls. */
const withoutProbes = ['  no option clitcpka', '  no option srvtcpka'];

/**
 * HAProxy would keep a copy of each request to be able to send it once more: a third of all that a request costs. It watches the connections that it keeps, so that only in the
 * instant in which a provider closes one a request meets that, and then its client's connection ends (RFC 9112, 9.3.1).
 */
const ofProviders = [...withoutProbes, '  retries 0', '  retry-on none'];

export interface LinkSections extends TrailerRules {
  /** Of a RouteMap, as a word. */
  readonly routesFile: string;
  /** Where HAProxy listens for a slot, as a word. */
  readonly socketOf: (slot: number) => string;
  /** What leads to the provider of whoever has the slot, as a word. */
  readonly providerOf: (slot: number) => string;
}

/** Sections for all rest links (configuration.txt of HAProxy 2.6), whoever has which slot. */
export function linkSections({ made }: LinkSlots, sections: LinkSections): readonly string[] {
  if (made.length === 0) return [];
  const { routesFile, socketOf, providerOf } = sections;
  return [
    // Not in the section itself: it has no providers, to which one of the rules belongs.
    'defaults link from http',
    ...withoutProbes,
    ...requestRules(routesFile),
    `frontend ${linksSection} from link`,
    // Counts open connections of each socket.
    '  option socket-stats',
    ...made.map((slot) => bindLine(slotSection(slot), socketOf(slot))),
    ...chunkRoute,
    '  use_backend %[so_name]',
    'defaults provider from http',
    ...ofProviders,
    ...trailerDropping,
    ...made.flatMap((slot) => [
      `backend ${slotSection(slot)} from provider`,
      `  server s ${providerOf(slot)}`,
    ]),
    ...loopSections(sections, [...ofProviders, eventStreamRule]),
  ];
}

function bindLine(name: string, socket: string): string {
  return `  bind ${socket} mode 666 name ${name} maxconn ${mostConnections} proto h1`;
}
