import { type Kind, kindOf, kinds } from '../../../state/resource.ts';
import type { ResourceChange, ResourceItem } from '../../api/contract.ts';
import type { DataPlane } from '../data-plane.ts';
import type { Terminal } from '../terminal.ts';
import { tableWidth } from './fields.ts';
import { resourceTable } from './resource-table.ts';
import { columnWidths, rowLine, tableText } from './table.ts';
import { printable } from './text.ts';

/** How resources are listed. */
export interface ListingOptions {
  readonly wide: boolean;
  readonly terminal: Pick<Terminal, 'width' | 'paint'>;
  /** What is shown of listeners and links besides themselves. */
  readonly plane: DataPlane;
}

/** Resources as tables, one for each kind, and later changes of them as rows that are laid out alike. */
export class ResourceListing {
  readonly #items: readonly ResourceItem[];
  readonly #options: ListingOptions;

  constructor(items: readonly ResourceItem[], options: ListingOptions) {
    this.#items = items;
    this.#options = options;
  }

  /** A table for each kind that has any, dependencies first, an empty line between them. */
  text(): string {
    const { wide, terminal, plane } = this.#options;
    return kinds
      .map((kind) => ({ table: resourceTable(kind, wide, plane), items: this.#of(kind) }))
      .filter(({ items }) => items.length > 0)
      .map(({ table, items }) =>
        tableText(table.columns, items.map(table.row), this.#width(), terminal.paint),
      )
      .join('\n');
  }

  /** The row of a changed resource; one that is gone is named by its key. `plane` is as it is by now. */
  change({ key, item }: ResourceChange, plane: DataPlane = this.#options.plane): string {
    if (item === null) return `${printable(key)} is gone\n`;
    const { wide, terminal } = this.#options;
    const kind = kindOf(key);
    const { columns, row } = resourceTable(kind, wide, plane);
    const widths = columnWidths(columns, [...this.#of(kind), item].map(row), this.#width());
    return rowLine(columns, widths, row(item), terminal.paint);
  }

  #of(kind: Kind): readonly ResourceItem[] {
    return this.#items.filter((item) => item.kind === kind);
  }

  #width(): number {
    const { wide, terminal } = this.#options;
    return tableWidth(wide, terminal.width);
  }
}
