import { type Kind, kindOf, kinds } from '../../../state/resource.ts';
import type { ResourceChange, ResourceItem } from '../../api/contract.ts';
import type { Terminal } from '../terminal.ts';
import { resourceTable } from './resource-table.ts';
import { columnWidths, rowLine, tableText } from './table.ts';
import { printable } from './text.ts';

/** Columns that a wide table may have: nothing is cut in it. */
const unlimited = Number.POSITIVE_INFINITY;

/** Resources as tables, one for each kind, and later changes of them as rows that are laid out alike. */
export class ResourceListing {
  readonly #items: readonly ResourceItem[];
  readonly #wide: boolean;
  readonly #terminal: Pick<Terminal, 'width' | 'paint'>;

  constructor(items: readonly ResourceItem[], wide: boolean, terminal: Pick<Terminal, 'width' | 'paint'>) {
    this.#items = items;
    this.#wide = wide;
    this.#terminal = terminal;
  }

  /** A table for each kind that has any, dependencies first, an empty line between them. */
  text(): string {
    return kinds
      .map((kind) => ({ table: resourceTable(kind, this.#wide), items: this.#of(kind) }))
      .filter(({ items }) => items.length > 0)
      .map(({ table, items }) =>
        tableText(table.columns, items.map(table.row), this.#width(), this.#terminal.paint),
      )
      .join('\n');
  }

  /** The row of a changed resource; one that is gone is named by its key. */
  change({ key, item }: ResourceChange): string {
    if (item === null) return `${printable(key)} is gone\n`;
    const kind = kindOf(key);
    const { columns, row } = resourceTable(kind, this.#wide);
    const widths = columnWidths(columns, [...this.#of(kind), item].map(row), this.#width());
    return rowLine(columns, widths, row(item), this.#terminal.paint);
  }

  #of(kind: Kind): readonly ResourceItem[] {
    return this.#items.filter((item) => item.kind === kind);
  }

  #width(): number {
    return this.#wide ? unlimited : this.#terminal.width;
  }
}
