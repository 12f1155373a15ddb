import { join } from 'node:path';
import { map, NEVER, type Observable, share } from 'rxjs';
import { type Commands, systemCommands } from './command.ts';
import { canForgetConnections } from './connection-tracking.ts';
import { ForwardPolicy } from './forward-policy.ts';
import { type Forwarding, kernelForwarding, kernelLoopbackRouting } from './forwarding.ts';
import { type Contents, contentsFor, noContents } from './forwarding-contents.ts';
import { ForwardingRecordFile, noRecord } from './forwarding-record.ts';
import { renderForwarding } from './forwarding-rules.ts';
import { ForwardingTable } from './forwarding-table.ts';
import { ingressTableName, instanceOf } from './mark.ts';
import { type After, monitorRules } from './network-monitor.ts';
import { nftTable } from './nft-table.ts';
import { OwnWrites } from './own-writes.ts';
import { networkEpoch } from './pool-record.ts';
import type { Forward, ForwardBridge, ForwardTraffic, PortForwarding } from './port-forwarding.ts';
import { timedCommands } from './timed-commands.ts';
import { Turns } from './turns.ts';

export interface NftPortForwardingOptions {
  /** Directory under which this instance keeps everything; must exist. Ours is `run/forwarding.json`. */
  readonly root: string;
  /** The clock's: limits how long a command may take, and starts a monitor that broke once more. */
  readonly after: After;
  readonly commands?: Commands;
  readonly forwarding?: Forwarding;
}

/** Far beyond what any `nft` takes on a device under load. */
const commandLimitMs = 20_000;

/** Chains of iptables that hold the policy which may be in the way, and our exception from it. */
const policyPattern = / ip filter (?:FORWARD|DOCKER-USER)(?: |$)/;

/** Forwarding by nftables, in a table of its own, in the network namespace that we are in. */
export function nftPortForwarding(options: NftPortForwardingOptions): PortForwarding {
  return new NftPortForwarding(options);
}

class NftPortForwarding implements PortForwarding {
  readonly #commands: Commands;
  readonly #forwarding: Forwarding;
  readonly #name: string;
  readonly #record: ForwardingRecordFile;
  readonly #table: ForwardingTable;
  readonly #policy: ForwardPolicy;
  readonly #news: Observable<void>;
  #works: Promise<boolean> | null = null;
  /** Reading and acting never overlap. */
  readonly #turns = new Turns();

  constructor(options: NftPortForwardingOptions) {
    const { root, after, commands = systemCommands, forwarding = kernelForwarding } = options;
    const writes = new OwnWrites();
    this.#commands = timedCommands(commands, after, commandLimitMs);
    this.#forwarding = forwarding;
    this.#name = ingressTableName(instanceOf(root));
    this.#record = new ForwardingRecordFile(join(root, 'run/forwarding.json'), networkEpoch());
    this.#table = new ForwardingTable(nftTable(this.#name, this.#commands, writes), this.#record);
    this.#policy = new ForwardPolicy(this.#name, this.#commands);
    this.#news = this.#monitored(writes, after).pipe(share());
  }

  async works(): Promise<boolean> {
    this.#works ??= this.#tried();
    const works = await this.#works;
    // What is installed later counts.
    if (!works) this.#works = null;
    return works;
  }

  async write(forwards: readonly Forward[], bridges: readonly ForwardBridge[]): Promise<void> {
    const wanted = contentsFor(forwards, bridges);
    return this.#turns.next(() => (forwards.length === 0 ? this.#clear() : this.#set(wanted)));
  }

  async status(forwards: readonly Forward[], bridges: readonly ForwardBridge[]): Promise<string | null> {
    const wanted = contentsFor(forwards, bridges);
    return this.#turns.next(async () => {
      if (forwards.length > 0) return this.#check(wanted);
      return (await this.#hasLeft()) ? 'port forwarding rules are left over' : null;
    });
  }

  async traffic(): Promise<readonly ForwardTraffic[]> {
    return this.#hasNft() ? this.#table.traffic() : [];
  }

  watch(): Observable<void> {
    return this.#news;
  }

  #hasNft(): boolean {
    return this.#commands.find('nft') !== null;
  }

  #monitored(writes: OwnWrites, after: After): Observable<void> {
    if (!this.#hasNft()) return NEVER;
    const interest = { ownInParts: true, besides: policyPattern };
    const options = { commands: this.#commands, table: this.#name, writes, after, ...interest };
    return monitorRules(options).pipe(map(() => undefined));
  }

  /** The kernel knows each expression of the rules: `--check` asks it without changing anything. */
  async #tried(): Promise<boolean> {
    if (!this.#hasNft()) return false;
    const input = renderForwarding(this.#name, noContents, 'replace');
    const known = await this.#commands.run(['nft', '--check', '--file', '-'], { input }).then(
      () => true,
      () => false,
    );
    return known && (await canForgetConnections());
  }

  async #check(wanted: Contents): Promise<string | null> {
    const targets = targetsIn(wanted);
    const [rules, policy] = await Promise.all([this.#table.check(wanted), this.#policy.status(targets)]);
    const forwarding = this.#forwarding.isOn() ? null : 'IPv4 forwarding is off';
    const loopback = targets
      .filter((bridge) => kernelLoopbackRouting.isOn(bridge) !== true)
      .map((bridge) => `route_localnet of bridge '${bridge}' is off`);
    const problems = [rules, policy, forwarding, ...loopback].filter((problem) => problem !== null);
    return problems.length === 0 ? null : problems.join('; ');
  }

  /** What lets loopback out is switched on when the guard stands, and off before it goes. */
  async #set(wanted: Contents): Promise<void> {
    const targets = targetsIn(wanted);
    if (!this.#forwarding.isOn()) this.#forwarding.switchOn();
    const record = this.#record.read() ?? noRecord;
    for (const bridge of record.loopback.filter((each) => !targets.includes(each)))
      kernelLoopbackRouting.switchOff(bridge);
    this.#record.keep({ ...record, loopback: targets });
    const ends = await Promise.allSettled([this.#table.bring(wanted), this.#policy.write(targets)]);
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    for (const bridge of targets) {
      if (kernelLoopbackRouting.isOn(bridge) !== true) kernelLoopbackRouting.switchOn(bridge);
    }
  }

  async #hasLeft(): Promise<boolean> {
    return this.#record.read() !== null || (this.#hasNft() && (await this.#table.exists()));
  }

  async #clear(): Promise<void> {
    if (!(await this.#hasLeft())) return;
    const { loopback } = this.#record.read() ?? noRecord;
    for (const bridge of loopback) kernelLoopbackRouting.switchOff(bridge);
    await this.#table.remove();
    await this.#policy.write([]);
    this.#record.remove();
  }
}

function targetsIn(contents: Contents): readonly string[] {
  return [...(contents.get('targets')?.keys() ?? [])];
}
