import type { RuleTraffic } from '../../../adapters/adapter.ts';
import { type Backend, nameOf } from '../../../state/resource.ts';
import type { RouteChange, RouteItem } from '../../api/contract.ts';
import type { DataPlane } from '../data-plane.ts';
import type { Terminal } from '../terminal.ts';
import { type Field, tableOf, tableWidth } from './fields.ts';
import { phaseStyle } from './phase-style.ts';
import { columnWidths, rowLine, tableText } from './table.ts';
import { printable } from './text.ts';
import { bytesText, carriedText } from './traffic-text.ts';

/** One rule, and what it has carried; null: that is not known. */
interface ShownRoute {
  readonly item: RouteItem;
  readonly traffic: RuleTraffic | null;
}

/** Where a rule leads: `10.0.3.2:80`, `unix:/run/x.sock` in the root of its provider. */
export function backendText(backend: Backend): string {
  return backend.type === 'socket' ? `unix:${backend.socket}` : `${backend.address}:${backend.port}`;
}

/** What paths a rule is for: `/` is every one; null for tcp, whose bytes have none. */
export function pathText({ type, path }: RouteItem): string | null {
  if (type === 'tcp') return null;
  return path === '' ? '/' : path;
}

const fields: readonly Field<ShownRoute>[] = [
  { title: 'RULE', show: ({ item }) => item.rule },
  { title: 'LISTENER', show: ({ item }) => nameOf(item.listener) },
  { title: 'HOST', flexible: true, least: 6, show: ({ item }) => item.host },
  { title: 'PATH', flexible: true, least: 6, show: ({ item }) => pathText(item) },
  { title: 'PROVIDER', show: ({ item }) => item.provider },
  { title: 'SERVICE', flexible: true, least: 8, show: ({ item }) => item.service },
  {
    title: 'BACKEND',
    flexible: true,
    show: ({ item: { backend, reason } }) => (backend === null ? reason : backendText(backend)),
  },
  { title: 'PHASE', show: ({ item }) => item.phase, style: ({ item }) => phaseStyle(item.phase) },
  {
    title: 'CARRIED',
    wide: true,
    show: ({ item, traffic }) => (traffic === null ? null : carriedText(item.type, traffic)),
  },
  { title: 'IN', wide: true, show: ({ traffic }) => (traffic === null ? null : bytesText(traffic.bytesIn)) },
  {
    title: 'OUT',
    wide: true,
    show: ({ traffic }) => (traffic === null ? null : bytesText(traffic.bytesOut)),
  },
  { title: 'MESSAGE', wide: true, show: ({ item }) => item.message },
];

/** Rules as a table, and later changes of them as rows that are laid out alike. */
export class RouteListing {
  readonly #items: readonly RouteItem[];
  readonly #wide: boolean;
  readonly #terminal: Pick<Terminal, 'width' | 'paint'>;

  constructor(items: readonly RouteItem[], wide: boolean, terminal: Pick<Terminal, 'width' | 'paint'>) {
    this.#items = items;
    this.#wide = wide;
    this.#terminal = terminal;
  }

  text(plane: DataPlane): string {
    const { columns, row } = tableOf(fields, this.#wide);
    const rows = this.#items.map((item) => row(shown(item, plane)));
    return tableText(columns, rows, this.#width(), this.#terminal.paint);
  }

  /** The row of a changed rule; one that is gone is named. */
  change({ rule, listener, item }: RouteChange, plane: DataPlane): string {
    if (item === null) return `${printable(`rule ${rule} of ${listener}`)} is gone\n`;
    const { columns, row } = tableOf(fields, this.#wide);
    const rows = [...this.#items, item].map((each) => row(shown(each, plane)));
    const widths = columnWidths(columns, rows, this.#width());
    return rowLine(columns, widths, row(shown(item, plane)), this.#terminal.paint);
  }

  #width(): number {
    return tableWidth(this.#wide, this.#terminal.width);
  }
}

function shown(item: RouteItem, plane: DataPlane): ShownRoute {
  return { item, traffic: plane.trafficOf(item.listener, item.rule) };
}
