/** A match rule: its keys, with their values (D-Bus specification, "Match Rules"). */
export type MatchRule = ReadonlyMap<string, string>;

const keys =
  /^(?:type|sender|interface|member|path|path_namespace|destination|eavesdrop|arg0namespace|arg(?:\d|[1-5]\d|6[0-3])(?:path)?)$/;

/**
 * Reads what all buses read alike: `key='value'`, with commas between, an apostrophe inside as `'\''`, values also bare. Null for
 * anything else that some bus may take in one way or another (doubled keys, blanks inside, backslashes of no use, a key that nobody knows).
 */
export function parseMatchRule(text: string): MatchRule | null {
  const rule = new Map<string, string>();
  let rest = text;
  while (rest !== '') {
    const found = /^ *([a-z0-9_]+)=((?:'[^']*'|\\'|[^'\\,\s])*)(,(?=.)|$)/s.exec(rest);
    const [whole = '', key = '', value = ''] = found ?? [];
    if (found === null || !keys.test(key) || rule.has(key)) return null;
    rule.set(key, plain(value));
    rest = rest.slice(whole.length);
  }
  return rule;
}

function plain(value: string): string {
  return value.replace(/'([^']*)'|\\'/g, (quoted, inside: string | undefined) =>
    quoted === "\\'" ? "'" : (inside ?? ''),
  );
}

/**
 * Whether a rule may ask for messages to others, however its text is read: one that cannot be read here, but has the word in it, may. Only
 * `eavesdrop='false'` asks for none.
 */
export function mayEavesdrop(text: string): boolean {
  const rule = parseMatchRule(text);
  if (rule === null) return /eavesdrop/i.test(text.replace(/[^A-Za-z]/g, ''));
  return rule.has('eavesdrop') && rule.get('eavesdrop') !== 'false';
}

/** Two rules are one to a bus when they say the same, however it is written. */
export function isSameRule(one: MatchRule, other: MatchRule): boolean {
  const [mine, theirs] = [one, other].map(meaning);
  return mine === theirs;
}

function meaning(rule: MatchRule): string {
  const said = [...rule].filter(([key, value]) => key !== 'eavesdrop' || value !== 'false');
  return JSON.stringify(said.sort(([left], [right]) => (left < right ? -1 : 1)));
}
