import type { RuleTraffic } from '../../../adapters/adapter.ts';
import type { ListenerSpec } from '../../../state/resource.ts';
import { count } from './text.ts';

/** Units of sizes, each a thousand times the one before (ISO 80000-13). */
const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** A number of bytes in at most four digits: `512 B`, `1.5 kB`, `23 MB`. Rounded down: what is shown was carried. */
export function bytesText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const shown = unit > 0 && value < 10 ? Math.floor(value * 10) / 10 : Math.floor(value);
  return `${shown} ${units[unit]}`;
}

/** `3 requests`, `1 connection`. */
export function carriedText(
  type: ListenerSpec['type'],
  { connections }: Pick<RuleTraffic, 'connections'>,
): string {
  return count(connections, type === 'http' ? 'request' : 'connection');
}

/** `3 requests, 1.5 kB in, 23 MB out`. */
export function trafficText(
  type: ListenerSpec['type'],
  traffic: Omit<RuleTraffic, 'rule' | 'listener'>,
): string {
  return `${carriedText(type, traffic)}, ${bytesText(traffic.bytesIn)} in, ${bytesText(traffic.bytesOut)} out`;
}
