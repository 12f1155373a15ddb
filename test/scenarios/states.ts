import type { Json } from '../../state/json.ts';

/** Parts of flat states, as scenarios put them together. */
export type Part = Readonly<Record<string, Json>>;

/** A container whose root is a directory of the host, or an object that stands beside its manifest. */
export function container(
  name: string,
  root: { readonly directory: string } | { readonly object: string },
  more: Part = {},
): Part {
  const volume = 'object' in root ? 'root.squashfs' : `dir:${root.directory}`;
  const manifest = { '#spec': 'service-manifest-run@1', name, type: 'lxc', 'root-volume': volume, ...more };
  const object = 'object' in root ? { [`${name}/${volume}`]: root.object } : {};
  return { [`${name}/run.json`]: manifest, ...object };
}

/** A state with these pools, what else device.json says, and containers in their order. */
export function stateOf(pools: Part, device: Part, ...containers: readonly Part[]): Part {
  return Object.assign(
    { '#spec': 'pantavisor-service-system@1', 'device.json': { network: { pools }, ...device } },
    ...containers,
  );
}
