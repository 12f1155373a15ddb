import { meantHint } from '../../state/nearest-name.ts';
import { type Kind, kinds } from '../../state/resource.ts';
import { CliFailure, exitCodes } from './failure.ts';

/** What `get` was asked for. */
export interface Selection {
  /** All kinds where it is not given. */
  readonly kind?: Kind;
  readonly name?: string;
}

/** What a person may call kinds; `all` is every one. */
const spellings: ReadonlyMap<string, Kind | 'all'> = new Map<string, Kind | 'all'>([
  ...kinds.flatMap((kind): [string, Kind][] => [
    [`${kind}s`, kind],
    [kind, kind],
  ]),
  ['all', 'all'],
]);

/** The kind that `word` names, in singular or plural; routes are rules of listeners, and no kind (see route-selection.ts). Throws a CliFailure with the nearest one. */
export function readKind(word: string): Kind | 'all' {
  const kind = spellings.get(word.toLowerCase());
  if (kind !== undefined) return kind;
  throw new CliFailure(
    exitCodes.usage,
    `found kind '${word}', expected one of ${kinds.map((each) => `${each}s`).join(', ')}, routes, all`,
    meantHint(word, [...spellings.keys(), 'route', 'routes']) ?? undefined,
  );
}

/** `containers web`, `container/web`, `all`: the kind and the name that `words` ask for. */
export function readSelection(word: string, name: string | undefined): Selection {
  const slash = word.indexOf('/');
  if (slash !== -1 && name === undefined) return readSelection(word.slice(0, slash), word.slice(slash + 1));
  const kind = readKind(word);
  return { ...(kind === 'all' ? {} : { kind }), ...(name === undefined ? {} : { name }) };
}

/**
 * The name that several words spell, as a person parts them: `client raw` and `internal web eth0` are `client/raw` and
 * `internal/web/eth0`, and a path follows what it is in (`client /run/raw.sock`). Undefined for none.
 */
export function spelledName(words: readonly string[]): string | undefined {
  if (words.length === 0) return undefined;
  return words.reduce((name, word) => (word.startsWith('/') ? `${name}${word}` : `${name}/${word}`));
}

/** The query of the control socket that lists a selection. */
export function selectionQuery({ kind, name }: Selection): URLSearchParams {
  return new URLSearchParams({
    ...(kind === undefined ? {} : { kind }),
    ...(name === undefined ? {} : { name }),
  });
}
