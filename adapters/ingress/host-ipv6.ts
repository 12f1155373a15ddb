import { readIfThere } from '../linux/read-if-there.ts';

/** The network namespace that we are in has IPv6: some interface has an address of it (proc(5), /proc/net/if_inet6). */
export function hostHasIpv6(): boolean {
  return (readIfThere('/proc/net/if_inet6') ?? '') !== '';
}
