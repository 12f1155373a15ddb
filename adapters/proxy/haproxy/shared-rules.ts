/**
 * What is the same for every listener and route: limits of time, refusals, headers, and how a request finds its route. It stands in named
 * sections `defaults`, so that a thousand listeners read it once.
 */

/** Limits of time, milliseconds. */
export interface Timeouts {
  /** For a provider to take a connection; one that refuses is not waited for. */
  readonly connectMs: number;
  /** For a provider to begin its answer, and to go on with it. */
  readonly answerMs: number;
  /** For a client to send the head of a request: who sends it byte by byte is let go (slowloris). */
  readonly headMs: number;
  /** Between two requests on one connection, and between two parts of a request. */
  readonly idleMs: number;
}

/** Streams of events may well be silent for long; those who ask for one say so. */
const eventStreamMs = 24 * 3_600_000;

/** Twenty days, near the longest that HAProxy knows: connections of tcp and WebSockets last until somebody closes them. */
const foreverMs = 20 * 24 * 3_600_000;

/** A peer that has gone without a word is found out by the kernel's probes: after 60 s of silence, 6 of them, 10 s apart. */
const keepAliveLines = ['cli', 'srv'].flatMap((side) => [
  `  option ${side}tcpka`,
  `  ${side}tcpka-idle 60s`,
  `  ${side}tcpka-intvl 10s`,
  `  ${side}tcpka-cnt 6`,
]);

/** What of a section `defaults` says how long things may take. */
export function timeoutLines(mode: 'tcp' | 'http', timeouts: Timeouts): readonly string[] {
  const [client, server] = mode === 'tcp' ? [foreverMs, foreverMs] : [timeouts.idleMs, timeouts.answerMs];
  const forHttp = [
    // One that refuses is not tried again: the wait would be a second. A connection that was kept, and was just being closed, is.
    '  retries 1',
    '  retry-on empty-response',
    `  timeout http-request ${timeouts.headMs}`,
    `  timeout http-keep-alive ${timeouts.idleMs}`,
    // Who has sent a request on a connection that stays from before a change gets an answer, and then has to connect anew.
    '  option idle-close-on-response',
  ];
  return [
    `  mode ${mode}`,
    `  timeout connect ${timeouts.connectMs}`,
    `  timeout client ${client}`,
    `  timeout server ${server}`,
    `  timeout tunnel ${foreverMs}`,
    '  option contstats',
    ...keepAliveLines,
    ...(mode === 'http' ? forHttp : ['  retries 0']),
  ];
}

const answers: readonly (readonly [status: number, said: string])[] = [
  [400, 'this request is not understood'],
  [403, 'not allowed'],
  [404, 'nothing is served here'],
  [405, 'this method is not served here'],
  [408, 'the request took too long'],
  [413, 'the request is too large'],
  [500, 'internal error'],
  [502, 'the service has broken off, or answered what is not understood'],
  [503, 'the service is not there'],
  [504, 'the service does not answer'],
];

/** After these nothing more is read on the connection: where one request ended could have been a matter of opinion. */
const last: ReadonlySet<number> = new Set([400, 405, 408, 413]);

/** Answers that are ours and not a provider's: a short line of plain text. */
export function errorAnswers(): readonly string[] {
  return answers.map(([status, said]) => {
    const close = last.has(status) ? ' hdr Connection close' : '';
    return `  http-error status ${status} content-type text/plain string "${status} ${said}\\n"${close}`;
  });
}

/**
 * A segment that is `.` or `..`, however it is written: with its dots encoded, before `;` (which some servers cut off), or between encoded
 * slashes (which some servers decode), so that nothing is reached around a prefix. Then what is no encoding of anything, an encoded nought, a
 * backslash, and the one control that the parser lets pass.
 */
const doubtfulPath = [
  '(/|%2f|%5c)(\\.|%2e){1,2}(/|;|%2f|%5c|$)',
  '%00',
  '%[^0-9a-f]',
  '%.[^0-9a-f]',
  '%.?$',
  '\\\\',
  '\\x7f',
].join('|');

/** Fields by which a client could claim where it comes from, in every spelling that gateways read as one (RFC 3875, 4.1.18); and httpoxy's. */
const claims = '^(forwarded|proxy|x[-_]real[-_]ip|x[-_](forwarded|pv)([-_].*)?)$';

/**
 * Refused, since two readers could take it for two messages, or two hosts. Much is refused by the parser before (docs/decisions/haproxy.md); what it
 * corrects instead, such as a length beside chunks, reaches a provider in one reading only.
 */
export const messageRefusals: readonly string[] = [
  '  http-request deny deny_status 405 if { method CONNECT }',
  '  http-request deny deny_status 400 unless { req.ver 1.0 1.1 }',
  '  http-request deny deny_status 400 if { req.ver 1.1 } ! { req.fhdr_cnt(host) 1 }',
  // A provider of HTTP/1.0 would know no chunks.
  '  http-request deny deny_status 400 if { req.ver 1.0 } { req.fhdr(transfer-encoding) -m found }',
  // What can stand in an authority (RFC 3986, 3.2.2), without what would part it from a path or a user.
  `  http-request deny deny_status 400 if { req.fhdr(host) -m reg '[^][A-Za-z0-9._~!$&()*+,;=:%-]' }`,
  // Controls, which some readers end a value at; carriage returns and line feeds end each line here.
  `  http-request deny deny_status 400 if { req.hdrs -m reg '[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f]' }`,
];

const pathRefusal = `  http-request deny deny_status 400 if { path -m reg -i '${doubtfulPath}' }`;

/** What may have been done already is not asked for twice. */
const retryRule = '  http-request disable-l7-retry unless { method GET HEAD OPTIONS }';

export const eventStreamRule = `  http-request set-timeout server ${eventStreamMs} if { req.hdr(accept) -m sub text/event-stream }`;

/** What tells a provider who asks is ours to say (ING-6). */
const headers: readonly string[] = [
  `  http-request del-header '${claims}' -m reg`,
  '  http-request set-header X-Forwarded-For %[src]',
  '  http-request set-header X-Forwarded-Proto http',
  '  http-request set-header X-Forwarded-Host %[req.fhdr(host)] if { req.fhdr(host) -m found }',
  // A tunnel of HTTP/2 would carry requests past everything that stands here.
  '  http-request del-header http2-settings',
  '  http-request del-header upgrade if { req.fhdr(upgrade) -m sub -i h2c }',
];

export interface RequestRules {
  /** Of a RouteMap, as a word. */
  readonly routesFile: string;
  /** How many labels wildcards have, the longest first. */
  readonly wildcardDepths: readonly number[];
  /** How many segments are taken off a path at most. */
  readonly mostStripped: number;
}

/**
 * How a request finds its route: the longest key of `routesFile` that its listener, host and path begin with, a slash behind them so that whole
 * segments match (ING-6). First those of its very host, then of the wildcards it falls under, the longest first, then of every host
 * (state/routes.ts). What is found is in `txn.route`, and so many segments as it says are taken off the path.
 */
export function requestRules({ routesFile, wildcardDepths, mostStripped }: RequestRules): readonly string[] {
  const unlessFound = ' unless { var(txn.route) -m found }';
  const look = (key: string, condition: string) =>
    `  http-request set-var(txn.route) ${key},concat(,txn.path),map_beg(${routesFile})${condition}`;
  return [
    ...messageRefusals,
    pathRefusal,
    ...headers,
    retryRule,
    eventStreamRule,
    '  http-request set-var(txn.path) path,concat(/)',
    '  http-request set-var(txn.host) req.fhdr(host),host_only,lower',
    look('fe_name,concat(:,txn.host)', ''),
    ...wildcardDepths.flatMap((depth) => wildcardRules(depth, look)),
    look('fe_name,concat(:)', unlessFound),
    `  http-request return status 404 default-errorfiles${unlessFound}`,
    '  http-request set-var(txn.strip) var(txn.route),field(2,/)',
    ...Array.from({ length: mostStripped }, (_, index) => stripRule(index + 1)),
  ];
}

/** Leaves `/` of nothing (ING-6). The field before the first slash is an empty one. */
function stripRule(segments: number): string {
  const rest = `path,field(${segments + 2},/,0)`;
  return `  http-request set-path /%[${rest}] if { var(txn.strip) -m str ${segments} }`;
}

/** Something has to stand before the last labels and their dot: `a.example` does not fall under `*.a.example`. */
function wildcardRules(depth: number, look: (key: string, condition: string) => string): readonly string[] {
  const fallsUnder = `{ var(txn.host) -m reg '^.+([.][^.]*){${depth}}$' }`;
  return [
    `  http-request set-var(txn.suffix) var(txn.host),field(-1,.,${depth}) if ${fallsUnder}`,
    look('fe_name,concat(*,txn.suffix)', ` if ! { var(txn.route) -m found } ${fallsUnder}`),
  ];
}
