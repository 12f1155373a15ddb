import type { Json } from '../../../state/json.ts';
import type { DocumentChange, PlaceChange } from '../state-changes.ts';
import type { Terminal } from '../terminal.ts';
import { cut, printable } from './text.ts';

type Paper = Pick<Terminal, 'width' | 'paint'>;

function valueText(value: Json | undefined): string {
  return value === undefined ? 'nothing' : printable(JSON.stringify(value));
}

/** One line where it fits; else the place, and each side in a line of its own. */
function placeText({ pointer, from, to }: PlaceChange, added: boolean, width: number): string {
  const place = printable(pointer === '' ? 'the whole' : pointer);
  const [was, is] = [valueText(from), valueText(to)];
  const line = added ? `    ${place}: ${is}` : `    ${place}: ${was} → ${is}`;
  if ([...line].length <= width) return `${line}\n`;
  const side = (label: string, value: string) => `      ${label}${cut(value, width - 6 - label.length)}\n`;
  const sides = added ? side('', is) : `${side('from ', was)}${side('to   ', is)}`;
  return `    ${cut(place, width - 5)}:\n${sides}`;
}

/** Document by document, what changed at which place, from what to what; nothing is wider than the terminal. */
export function stateChangesText(changes: readonly DocumentChange[], { width, paint }: Paper): string {
  return changes
    .map(({ path, kind, places }) => {
      const heading = `  ${paint('strong', cut(printable(path), width - 12))}  ${kind}\n`;
      return heading + places.map((place) => placeText(place, kind === 'added', width)).join('');
    })
    .join('');
}
