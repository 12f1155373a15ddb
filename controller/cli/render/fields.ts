import type { Style } from '../terminal.ts';
import type { Cell, Column, Row } from './table.ts';

/** A column, and what it shows of one thing; null where there is nothing to show. */
export interface Field<Shown> extends Column {
  readonly show: (shown: Shown) => string | null;
  readonly style?: (shown: Shown) => Style;
  /** Only in wide tables. */
  readonly wide?: boolean;
}

/** How things of one sort are shown in a table. */
export interface Table<Shown> {
  readonly columns: readonly Column[];
  readonly row: (shown: Shown) => Row;
}

/** Columns that a wide table may have: nothing is cut in it. */
const unlimited = Number.POSITIVE_INFINITY;

/** How wide a table may be on a terminal of `width` columns. */
export function tableWidth(wide: boolean, width: number): number {
  return wide ? unlimited : width;
}

/** Columns and rows by `fields`; wide tables have all of them. */
export function tableOf<Shown>(fields: readonly Field<Shown>[], wide: boolean): Table<Shown> {
  const visible = fields.filter((field) => wide || field.wide !== true);
  return {
    columns: visible,
    row: (shown) =>
      visible.map(({ show, style }): Cell => {
        const text = show(shown);
        if (text === null || text === '') return { text: '-' };
        return style === undefined ? { text } : { text, style: style(shown) };
      }),
  };
}
