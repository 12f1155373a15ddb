import { readFileSync, writeFileSync } from 'node:fs';
import { readIfThere } from './read-if-there.ts';

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

/** The switch of a bridge that lets 127.0.0.0/8 out of this host and in again (ip-sysctl(7), route_localnet). */
export interface LoopbackRouting {
  /** Null: there is no such interface. */
  isOn(bridge: string): boolean | null;
  /** Throws where there is no such interface (ENOENT), or /proc/sys is read-only. */
  switchOn(bridge: string): void;
  /** An interface that is gone has taken its switch with it. */
  switchOff(bridge: string): void;
}

const loopbackFile = (bridge: string): string => `/proc/sys/net/ipv4/conf/${bridge}/route_localnet`;

/** Only what is behind a guard is switched on: see forwarding-rules.ts. */
export const kernelLoopbackRouting: LoopbackRouting = {
  isOn: (bridge) => {
    const text = readIfThere(loopbackFile(bridge));
    return text === null ? null : text.trim() === '1';
  },
  switchOn: (bridge) => writeFileSync(loopbackFile(bridge), '1\n'),
  switchOff: (bridge) => {
    if (readIfThere(loopbackFile(bridge)) !== null) writeFileSync(loopbackFile(bridge), '0\n');
  },
};
