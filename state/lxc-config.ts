import { type Finding, quote } from './finding.ts';
import { type FindingCode, finding } from './finding-catalog.ts';
import type { Json } from './json.ts';
import { MAX_CONFIG_CHARACTERS, MAX_CONFIG_LINE_CHARACTERS, MAX_CONFIG_LINES } from './limits.ts';
import { commonConfigKeys, judgeConfigLine } from './lxc-keys.ts';
import type { Verdict } from './lxc-verdict.ts';
import { meantHint } from './nearest-name.ts';
import { pointerParts } from './pointer.ts';
import type { LxcConfigItem } from './resource.ts';

/** One line that is let through, and where it stood. */
export interface ConfigLine extends LxcConfigItem {
  /** From 1. */
  readonly line: number;
}

/**
 * Reads a container's `lxc.container.conf` as LXC does (lxc.container.conf(5)), and lets through what a revision may
 * say. `pointer` is the place in the state that names the file. Lines come out in their order, values as LXC will see
 * them: a line written as `key = value` again means the same to it.
 */
export function parseLxcConfig(
  text: string,
  pointer: string,
): { readonly lines: readonly ConfigLine[]; readonly findings: readonly Finding[] } {
  const [file = ''] = pointerParts(pointer);
  const source: Source = { file, pointer };
  const texts = text.split('\n');
  if (text.length > MAX_CONFIG_CHARACTERS || texts.length > MAX_CONFIG_LINES) {
    return { lines: [], findings: [tooLong(source, text.length, texts.length)] };
  }
  const lines: ConfigLine[] = [];
  const findings: Finding[] = [];
  for (const [index, lineText] of texts.entries()) {
    const read = readLine(lineText, { ...source, line: index + 1 });
    if (read.line !== undefined) lines.push(read.line);
    if (read.finding !== undefined) findings.push(read.finding);
  }
  return { lines, findings };
}

interface Source {
  readonly file: string;
  readonly pointer: string;
}

interface Place extends Source {
  readonly line: number;
}

interface ReadLine {
  readonly line?: ConfigLine;
  readonly finding?: Finding;
}

function readLine(text: string, place: Place): ReadLine {
  const content = text.trim();
  if (content === '' || content.startsWith('#')) return {};
  if (content.length > MAX_CONFIG_LINE_CHARACTERS) {
    const expected = `at most ${MAX_CONFIG_LINE_CHARACTERS} characters in a line`;
    return { finding: lineFinding('ConfigTooLong', content, expected, place) };
  }
  const equals = content.indexOf('=');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (equals < 1 || /[\u0000-\u0008\u000a-\u001f\u007f]/.test(content)) {
    return {
      finding: lineFinding('ConfigLineInvalid', content, '`key = value`, without control characters', place),
    };
  }
  const key = content.slice(0, equals).trim();
  const value = unquoted(content.slice(equals + 1).trim());
  return judged(key, value, judgeConfigLine(key, value), place);
}

/** LXC takes one pair of quotes away. All are taken away here, so that nothing is hidden from the judge. */
function unquoted(value: string): string {
  const quoted = /^(["'])(.*)\1$/s.exec(value);
  return quoted === null ? value : unquoted((quoted[2] ?? '').trim());
}

function judged(key: string, value: string, verdict: Verdict | null, place: Place): ReadLine {
  const { line } = place;
  switch (verdict?.type) {
    case 'allowed':
      return { line: { key, value, line } };
    case 'confined': {
      const told = `${verdict.value === null ? 'is left out' : `becomes ${quote(verdict.value)}`}: ${verdict.why}`;
      const confined = confinedFinding(`${key} = ${value}`, told, place);
      return verdict.value === null
        ? { finding: confined }
        : { line: { key, value: verdict.value, line }, finding: confined };
    }
    case 'key-refused':
      return { finding: refusedFinding(`${key} = ${value}`, key, verdict.why, place) };
    case 'value-refused':
      return { finding: lineFinding('ConfigValueRefused', `${key} = ${value}`, verdict.expected, place) };
    default:
      return { finding: unknownKey(key, place) };
  }
}

const where = ({ file, line }: Place): string => `line ${line} of ${file}`;

function lineFinding(code: FindingCode, found: string, expected: string, place: Place): Finding {
  const message = `found ${quote(found)} in ${where(place)}, expected ${expected}`;
  return finding(code, { pointer: place.pointer, found, expected, message });
}

function refusedFinding(found: string, key: string, why: string, place: Place): Finding {
  const expected = `no '${key}'`;
  const message = `found ${quote(found)} in ${where(place)}, which is refused: ${why}`;
  return finding('ConfigKeyRefused', { pointer: place.pointer, found, expected, message });
}

function confinedFinding(found: string, told: string, place: Place): Finding {
  const expected = 'only what stays inside the container';
  const message = `found ${quote(found)} in ${where(place)}, which ${told}`;
  return finding('ConfigValueConfined', { pointer: place.pointer, found, expected, message });
}

function unknownKey(key: string, place: Place): Finding {
  const expected = 'a key of lxc.container.conf(5)';
  const message = `found the unknown key ${quote(key)} in ${where(place)}, expected ${expected}`;
  const hint = meantHint(key, commonConfigKeys);
  return finding('ConfigKeyUnknown', { pointer: place.pointer, found: key, expected, message, hint });
}

function tooLong({ file, pointer }: Source, characters: number, lines: number): Finding {
  const expected = `at most ${MAX_CONFIG_CHARACTERS} characters and ${MAX_CONFIG_LINES} lines`;
  const found: Json = `${characters} characters, ${lines} lines`;
  const message = `found ${found} in ${file}, expected ${expected}`;
  return finding('ConfigTooLong', { pointer, found, expected, message });
}
