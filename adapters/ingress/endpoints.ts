import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { listenText } from '../../state/ingress.ts';
import type { Conflict, ListenerSpec } from '../../state/resource.ts';
import { conflictsWith, type PortOwner } from '../linux/port-owners.ts';

/** Everything that a listener listens at, as `external` spells it: `0.0.0.0:80`, `[::]:80`. */
export function endpointsOf({
  addresses,
  port,
}: Pick<ListenerSpec, 'addresses' | 'port'>): readonly string[] {
  return addresses.map((host) => listenText({ host, port }));
}

/** Addresses that this host has now. */
export function hostAddresses(): ReadonlySet<string> {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return new Set(all.map(({ address }) => address));
}

/**
 * Why a listener can't be had on this host (ENG-8); null: it can. `owners` are the processes, none of them ours, that listen on its port.
 */
export function refusalOf(
  { addresses, port }: Pick<ListenerSpec, 'addresses' | 'port'>,
  owners: readonly PortOwner[],
  here: ReadonlySet<string>,
): Conflict | null {
  const owner = owners.find((each) => each.port === port && conflictsWith(addresses, port, each));
  if (owner !== undefined) return portTaken(port, owner);
  const absent = addresses.find((address) => !isHere(address, here));
  if (absent === undefined) return null;
  const message = `this host has no address ${absent}: nothing can listen at ${listenText({ host: absent, port })}`;
  return { code: 'AddressNotHere', message };
}

function portTaken(port: number, { address, pid, command }: PortOwner): Conflict {
  const who =
    pid === null ? 'a process that is not to be found out' : `process '${command ?? 'unknown'}' (pid ${pid})`;
  const message = `port ${port} of this host is taken: ${who} listens at ${listenText({ host: address, port })}`;
  return { code: 'PortTaken', message };
}

/** All of 127.0.0.0/8 is there wherever loopback is (RFC 1122, 3.2.1.3). */
function isHere(address: string, here: ReadonlySet<string>): boolean {
  const wildcard = address === '0.0.0.0' || address === '::';
  return wildcard || here.has(address) || (isIPv4(address) && address.startsWith('127.'));
}
