import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import type { Key } from '../../state/resource.ts';

/**
 * How things in the kernel are marked as ours. Only what carries the mark of this very instance is ever removed
 * (ENG-4); two instances on one host keep out of each other's way.
 */

/** Names one instance of Holdfast on this host: 8 lower-case hexadecimal digits. */
export type Instance = string;

const aliasPattern = /^holdfast:([0-9a-f]{8}):pool\/([A-Za-z0-9._-]+)$/;

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The instance that keeps its things under `root`, which must exist: the same after every restart and reboot. */
export function instanceOf(root: string): Instance {
  return sha256(realpathSync(root)).slice(0, 8);
}

/** The alias (`ip link show`) of a bridge that was made for a pool. */
export function bridgeAlias(instance: Instance, pool: string): string {
  return `holdfast:${instance}:pool/${pool}`;
}

/** What an alias says; null when it is no mark of any Holdfast. */
export function parseBridgeAlias(
  alias: string | null,
): { readonly instance: Instance; readonly pool: string } | null {
  const [, instance, pool] = aliasPattern.exec(alias ?? '') ?? [];
  return instance === undefined || pool === undefined ? null : { instance, pool };
}

/** Name of the nftables table (family inet), and prefix of the iptables chains, that hold our rules. */
export function tableName(instance: Instance): string {
  return `holdfast-${instance}`;
}

/** Name of the table that holds the forwards of ING-9, and of the chain of iptables that they need; of 26 bytes (a chain has up to 28). */
export function ingressTableName(instance: Instance): string {
  return `${tableName(instance)}_ingress`;
}

const vethPattern = /^hf[0-9a-f]{13}$/;

/** Name of the host's end of a lease's veth pair: 15 bytes, the longest that Linux takes (IFNAMSIZ). */
export function vethName(instance: Instance, leaseKey: Key): string {
  return `hf${sha256(`${instance} ${leaseKey}`).slice(0, 13)}`;
}

/** True for a name that `vethName` makes. */
export function isVethName(name: string): boolean {
  return vethPattern.test(name);
}
