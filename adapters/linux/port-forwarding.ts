import type { Observable } from 'rxjs';

/** What comes in at an IPv4 address and port of the host, and goes to an address of a pool (ING-9). */
export interface Forward {
  /** Name of the rule; goes into the rule set as a comment. */
  readonly rule: string;
  /** Dotted quad; `0.0.0.0`: every IPv4 address of the host, 127.0.0.0/8 included. */
  readonly address: string;
  readonly port: number;
  /** Dotted quad inside the subnet of one of `bridges`. */
  readonly toAddress: string;
  readonly toPort: number;
}

/** A bridge that forwards lead to. */
export interface ForwardBridge {
  readonly bridge: string;
  /** CIDR without host bits. */
  readonly subnet: string;
}

/** What one forward has carried since it was made. */
export interface ForwardTraffic {
  readonly rule: string;
  readonly connections: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** Connections that the kernel carries to containers: one set of rules of one instance, in a table of its own. */
export interface PortForwarding {
  /** True when what it needs is installed and the kernel answers. Never rejects. */
  works(): Promise<boolean>;
  /**
   * Forwards exactly these, in one transaction; without any, nothing of ours is left. Open connections of a forward that stays as it is go
   * on, its counters too. No packet of a forward that is gone, or leads elsewhere now, gets to where it led (hardening: address re-use).
   * Rejects with a CommandError, or a RangeError for what a rule set would read as syntax.
   */
  write(forwards: readonly Forward[], bridges: readonly ForwardBridge[]): Promise<void>;
  /** What of these does not hold, in words; null: all is as it was written. Rejects when it cannot tell. */
  status(forwards: readonly Forward[], bridges: readonly ForwardBridge[]): Promise<string | null>;
  traffic(): Promise<readonly ForwardTraffic[]>;
  /** Others may have changed the rules: `status` is worth asking. Costs nothing while nothing happens. */
  watch(): Observable<void>;
}
