import type { Json } from '../state/json.ts';
import type { FlatState } from '../state/revision.ts';

/** Two pools, one with NAT, and `containers` containers on them in turn. `root` is a sha256 or a `dir:`. */
export function twoPools(containers: number, root: string): FlatState {
  const pools = {
    one: { type: 'bridge', bridge: 'bench1', subnet: '10.78.1.0/24', nat: true },
    two: { type: 'bridge', bridge: 'bench2', subnet: '10.78.2.0/24' },
  };
  const state: Record<string, Json> = {
    '#spec': 'pantavisor-service-system@1',
    'device.json': { network: { pools } },
  };
  const isObject = !root.startsWith('dir:');
  for (let number = 1; number <= containers; number += 1) {
    const name = `b${number}`;
    state[`${name}/run.json`] = {
      '#spec': 'service-manifest-run@1',
      name,
      type: 'lxc',
      'root-volume': isObject ? 'root.squashfs' : root,
      network: { pool: number % 2 === 0 ? 'one' : 'two' },
    };
    if (isObject) state[`${name}/root.squashfs`] = root;
  }
  return state;
}
