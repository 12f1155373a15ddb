import type { Style, Terminal } from '../terminal.ts';
import { cut, cutFront, printable } from './text.ts';

/** A column. Only a flexible one is cut where a row is too wide: names stay whole for as long as anything else can give. */
export interface Column {
  readonly title: string;
  /** `first`: before all others that are flexible; `last`: only when those have given what they can. */
  readonly flexible?: boolean | 'first' | 'last';
  /** Characters that a flexible column keeps, even where the row then is too wide; 12 unless given. */
  readonly least?: number;
  /** What of a text is kept that has to be cut; its start unless given. */
  readonly keeps?: 'start' | 'end';
}

/** What stands in one cell. */
export interface Cell {
  readonly text: string;
  readonly style?: Style;
}

export type Row = readonly Cell[];

/** Between columns. */
const gap = 2;

/** What flexible columns keep that do not say. */
const leastFlexible = 12;

const lengthOf = (text: string): number => [...text].length;

/** How wide each column is, for rows that are known now; later ones are laid out alike. */
export function columnWidths(
  columns: readonly Column[],
  rows: readonly Row[],
  width: number,
): readonly number[] {
  const natural = columns.map((column, index) =>
    Math.max(column.title.length, ...rows.map((row) => lengthOf(printable(row[index]?.text ?? '')))),
  );
  const total = natural.reduce((sum, each) => sum + each + gap, -gap);
  const widths = [...natural];
  let excess = total - width;
  // One after the other: what the first can give up need not be cut from the next.
  for (const [index, { least = leastFlexible }] of inCuttingOrder(columns)) {
    const each = natural[index] ?? 0;
    const kept = Math.max(Math.min(each, least), each - Math.max(0, excess));
    excess -= each - kept;
    widths[index] = kept;
  }
  return widths;
}

/** Flexible columns with their places, in the order in which they give. */
function inCuttingOrder(columns: readonly Column[]): readonly (readonly [index: number, column: Column])[] {
  const placed = [...columns.entries()];
  return (['first', true, 'last'] as const).flatMap((turn) =>
    placed.filter(([, { flexible }]) => flexible === turn),
  );
}

/** One row as a line. The last column is not padded, so that no line ends in spaces. */
export function rowLine(
  columns: readonly Column[],
  widths: readonly number[],
  row: Row,
  paint: Terminal['paint'],
): string {
  const cells = row.map(({ text, style }, index) => {
    const width = widths[index] ?? 0;
    const shown = fitted(printable(text), width, columns[index]);
    const padding = index === row.length - 1 ? '' : ' '.repeat(Math.max(0, width - lengthOf(shown)) + gap);
    return `${style === undefined ? shown : paint(style, shown)}${padding}`;
  });
  return `${cells.join('').trimEnd()}\n`;
}

function fitted(
  text: string,
  width: number,
  { flexible = false, keeps = 'start' }: Partial<Column> = {},
): string {
  if (flexible === false) return text;
  return keeps === 'end' ? cutFront(text, width) : cut(text, width);
}

/** A heading and all rows, aligned, at most `width` characters wide where the flexible columns allow it. */
export function tableText(
  columns: readonly Column[],
  rows: readonly Row[],
  width: number,
  paint: Terminal['paint'],
): string {
  const widths = columnWidths(columns, rows, width);
  const heading = columns.map(({ title }): Cell => ({ text: title, style: 'strong' }));
  return [heading, ...rows].map((row) => rowLine(columns, widths, row, paint)).join('');
}
