import { readFileSync, writeFileSync } from 'node:fs';

/** The switch for forwarding IPv4 between interfaces, of the network namespace that we are in (ip-sysctl(7)). */
const forwardingFile = '/proc/sys/net/ipv4/ip_forward';

/** What the parts of this adapter need of it. */
export interface Forwarding {
  isOn(): boolean;
  /** Throws when it cannot be switched on: no privilege, or /proc/sys is read-only. */
  switchOn(): void;
}

/** There is no way off: others on the host may have come to need it since (Docker, a VPN), and nobody counts them. */
export const kernelForwarding: Forwarding = {
  isOn: () => readFileSync(forwardingFile, 'utf8').trim() === '1',
  switchOn: () => writeFileSync(forwardingFile, '1\n'),
};
