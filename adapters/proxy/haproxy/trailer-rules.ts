/**
 * Trailers of a request never reach a provider of a rest link: some merge them into the head (RFC 9110, 6.5.1), where they would say who asks. HAProxy can drop them from
 * 3.2 on. An older one can only be made not to pass on the end of such a request, by a filter in Lua; what is no filter's business shall not pay for it, so requests in
 * chunks take a way of their own, through a socket of HAProxy's. Without Lua there are no such requests.
 */

/** Begins to hold back what comes behind the last chunk (HAProxy's Lua API, Filter): a chunked message without trailers ends with one byte that is no content. */
export const trailerFilter = `local filtering = { id = 'no-trailers', flags = filter.FLT_CFG_FL_HTX }
filtering.__index = filtering

function filtering:new()
  return setmetatable({}, filtering)
end

function filtering:start_analyze(_, channel)
  if not channel:is_resp() then filter.register_data_filter(self, channel) end
end

function filtering:http_payload(_, message)
  if message:eom() then
    local content = #(message:body() or '')
    if message:input() > content + 1 then return content end
  end
end

core.register_filter('no-trailers', filtering, function(one) return one end)
`;

/** Section to which requests in chunks are led. */
const chunkedSection = 'chunked';

export interface TrailerRules {
  /** Where `trailerFilter` is, as a word. */
  readonly filterFile: string;
  /** Where HAProxy listens for itself, as a word. */
  readonly loopSocket: string;
}

const native = '.if version_atleast(3.2)';
const byFilter = '.elif feature(LUA)';
const inChunks = '{ req.fhdr(transfer-encoding) -m found }';

/** For the section `global`. */
export function filterLoading({ filterFile }: TrailerRules): readonly string[] {
  return [native, byFilter, `  lua-load ${filterFile}`, '.endif'];
}

/** For the section with the rules for requests. */
export const chunkRefusal: readonly string[] = [
  native,
  byFilter,
  '.else',
  `  http-request return status 411 content-type text/plain string "411 say how long it is\\n" hdr Connection close if ${inChunks}`,
  '.endif',
];

/** For the section that leads to providers, before all other ways. */
export const chunkRoute: readonly string[] = [
  native,
  byFilter,
  `  use_backend ${chunkedSection} if ${inChunks}`,
  '.endif',
];

/** For the sections that providers' sections inherit from. */
export const trailerDropping: readonly string[] = [native, '  option http-drop-request-trailers', '.endif'];

/** Sections of the way of their own; `rules` for providers. The header is HAProxy's own: a client's is removed before, this one on arrival. */
export function loopSections({ loopSocket }: TrailerRules, rules: readonly string[]): readonly string[] {
  return [
    native,
    byFilter,
    `backend ${chunkedSection} from provider`,
    '  filter lua.no-trailers',
    '  http-request set-header X-PV-Slot %[so_name]',
    `  server s ${loopSocket}`,
    'defaults loop from http',
    ...rules,
    '  http-request set-var(txn.slot) req.fhdr(x-pv-slot)',
    '  http-request del-header x-pv-slot',
    'frontend loop from loop',
    `  bind ${loopSocket} mode 600 proto h1`,
    '  use_backend %[var(txn.slot)]',
    '.endif',
  ];
}
