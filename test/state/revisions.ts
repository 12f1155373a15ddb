import type { Json } from '../../state/json.ts';
import type { FlatState } from '../../state/revision.ts';

/** A device document with these pools, each told by its subnet or whole. */
export function deviceWith(pools: Readonly<Record<string, Json>>): Json {
  const whole = Object.entries(pools).map(([name, pool]) => [
    name,
    typeof pool === 'string' ? { subnet: pool } : pool,
  ]);
  return { network: { pools: Object.fromEntries(whole) as Json } };
}

/** The `run.json` of a container with a directory as its root; `network` null: it says nothing of it. */
export function runOf(name: string, network: Json, more: Readonly<Record<string, Json>> = {}): Json {
  const rest = network === null ? {} : { network };
  return {
    '#spec': 'service-manifest-run@1',
    name,
    type: 'lxc',
    'root-volume': 'dir:/srv/root',
    ...rest,
    ...more,
  };
}

/** A revision in short: pools by subnet, and what each container says of its network. */
export function revisionOf(
  pools: Readonly<Record<string, Json>>,
  containers: Readonly<Record<string, Json>> = {},
): FlatState {
  const runs = Object.entries(containers).map(([name, network]): [string, Json] => [
    `${name}/run.json`,
    runOf(name, network),
  ]);
  return {
    '#spec': 'pantavisor-service-system@1',
    'device.json': deviceWith(pools),
    ...Object.fromEntries(runs),
  };
}
