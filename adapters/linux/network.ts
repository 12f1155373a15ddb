import { join } from 'node:path';
import { from, map, merge, mergeAll, mergeMap, type Observable, of, Subject, share } from 'rxjs';
import { digestOf } from '../../state/json.ts';
import type { Key, ObservedResource } from '../../state/resource.ts';
import type { StepOf, StepResult, WatchEvent } from '../adapter.ts';
import { type Commands, systemCommands } from './command.ts';
import type { Firewall } from './firewall.ts';
import { type Forwarding, kernelForwarding } from './forwarding.ts';
import { readHostLinks } from './host-links.ts';
import { iptablesFirewall } from './iptables-firewall.ts';
import { type Instance, instanceOf, tableName } from './mark.ts';
import { interestIn } from './network-interest.ts';
import { type After, monitorNetwork } from './network-monitor.ts';
import { nftFirewall } from './nft-firewall.ts';
import { OwnWrites } from './own-writes.ts';
import { bridgePools, PacketRules } from './packet-rules.ts';
import { type PoolStep, runPoolBatch, type StepEnd, stepResult } from './pool-batch.ts';
import { observePools } from './pool-observe.ts';
import { type PoolView, planEnsure } from './pool-plan.ts';
import { networkEpoch, type PoolRecord, PoolRecords } from './pool-record.ts';
import { failureCode, timedCommands } from './timed-commands.ts';
import { Turns } from './turns.ts';

export interface HostNetworkOptions {
  /** Directory under which this instance keeps everything; must exist. Ours are `run/pools` and `run/rules.json`. */
  readonly root: string;
  /** Host ends of the veth pairs that belong on a pool's bridge, running or not. */
  readonly members: (pool: string) => readonly string[];
  /** Told by a watch, of any of these: it is there no more, since its container ended or since somebody deleted it. */
  readonly memberGone?: (name: string) => void;
  /** The clock's; used only to start a monitor that broke once more. */
  readonly after: After;
  readonly commands?: Commands;
  readonly forwarding?: Forwarding;
}

/**
 * Rules are read back so long after they were written: containers that start on the new pools come first. The kernel's
 * own news are looked at as ever, and each look reads the rules back before.
 */
const confirmDelayMs = 500;

/** Far beyond what any `ip` or `nft` takes on a device under load. */
const commandLimitMs = 20_000;

interface Waiting {
  readonly step: PoolStep;
  readonly resolve: (result: StepResult) => void;
}

/**
 * The pools of one instance on this host: bridges, addresses, packet filter rules, forwarding (POOL-4 to POOL-8).
 * Steps that come while the host is being read are carried out together: one `ip`, one rule transaction.
 */
export class HostNetwork {
  readonly instance: Instance;
  readonly #options: HostNetworkOptions;
  readonly #commands: Commands;
  readonly #records: PoolRecords;
  readonly #rules: PacketRules;
  readonly #writes = new OwnWrites();
  readonly #nudges = new Subject<void>();
  readonly #events: Observable<WatchEvent>;
  /** As last seen or made; what a watch reports is the difference to it. */
  readonly #known = new Map<Key, ObservedResource<'pool'>>();
  /** Steps that the host refused, until it would take them. */
  readonly #blocked = new Map<Key, StepOf<'pool.ensure'>>();
  #interest = interestIn(new Map(), [], []);
  #waiting: Waiting[] = [];
  /** Reading and acting never overlap. */
  readonly #turns = new Turns();
  #lookIsDue = false;
  #cancelConfirmation = () => {};

  constructor(options: HostNetworkOptions) {
    const { forwarding = kernelForwarding } = options;
    const commands = timedCommands(options.commands ?? systemCommands, options.after, commandLimitMs);
    this.#options = options;
    this.#commands = commands;
    this.instance = instanceOf(options.root);
    const run = join(options.root, 'run');
    const table = tableName(this.instance);
    const epoch = networkEpoch();
    this.#records = new PoolRecords(join(run, 'pools'), epoch);
    const firewalls: readonly Firewall[] = [
      nftFirewall(table, commands, this.#writes),
      iptablesFirewall(table, commands),
    ];
    this.#rules = new PacketRules({ firewalls, forwarding, file: join(run, 'rules.json'), epoch });
    this.#events = this.#watched(table).pipe(share());
  }

  /** All pools of ours that are on this host. Rejects when it cannot tell. */
  observePools(): Promise<readonly ObservedResource<'pool'>[]> {
    return this.#turns.next(() => this.#observe());
  }

  /** Makes the pool as the step says, or changes the one there in place. Never rejects. */
  ensure(step: StepOf<'pool.ensure'>): Promise<StepResult> {
    return this.#join(step);
  }

  /** Takes away what we made for the pool; succeeds when nothing is there. Never rejects. */
  remove(step: StepOf<'pool.remove'>): Promise<StepResult> {
    return this.#join(step);
  }

  /**
   * Changes that others make to our pools. Subscribing starts `ip monitor` and `nft monitor`, unsubscribing the last
   * one ends them. Rules that are kept through iptables' older interface are not watched: the kernel does not tell.
   */
  watch(): Observable<WatchEvent> {
    return this.#events;
  }

  /** Nothing is begun any more; what is under way ends by itself. */
  close(): void {
    this.#cancelConfirmation();
  }

  #watched(table: string): Observable<WatchEvent> {
    const monitored = monitorNetwork({
      commands: this.#commands,
      table,
      writes: this.#writes,
      interest: () => this.#interest,
      memberGone: this.#options.memberGone ?? (() => {}),
      after: this.#options.after,
    });
    const nudged = this.#nudges.pipe(map(() => ({ type: 'look' as const })));
    return merge(monitored, nudged).pipe(
      mergeMap((event) => (event.type === 'relist' ? of(event) : from(this.#look()).pipe(mergeAll()))),
    );
  }

  async #view(): Promise<PoolView> {
    const [host, records] = await Promise.all([readHostLinks(this.#commands), this.#records.all()]);
    return { instance: this.instance, host, records, members: this.#options.members };
  }

  async #observe(): Promise<readonly ObservedResource<'pool'>[]> {
    const records = await this.#records.all();
    const [view, rules] = await Promise.all([this.#view(), this.#rules.status(bridgePools(records))]);
    const pools = observePools(view, rules);
    this.#known.clear();
    for (const pool of pools) this.#known.set(pool.key, pool);
    this.#watchOut(records);
    return pools;
  }

  #watchOut(records: ReadonlyMap<string, PoolRecord>): void {
    this.#interest = interestIn(records, [...this.#known.values()], [...this.#blocked.values()]);
  }

  /** What others changed since it was last looked; one look answers for all news that came before it began. */
  async #look(): Promise<readonly WatchEvent[]> {
    if (this.#lookIsDue) return [];
    this.#lookIsDue = true;
    return this.#turns.next(async () => {
      this.#lookIsDue = false;
      try {
        return await this.#changes();
      } catch (error) {
        return [{ type: 'relist', reason: error instanceof Error ? error.message : String(error) }];
      }
    });
  }

  async #changes(): Promise<readonly WatchEvent[]> {
    const before = new Map(this.#known);
    await this.#observe();
    const changed = [...new Set([...before.keys(), ...this.#known.keys()])].filter(
      (key) => digestOf(before.get(key)) !== digestOf(this.#known.get(key)),
    );
    const keys = new Set([...changed, ...(await this.#unblocked())]);
    return [...keys].map((key) => ({ type: 'observation', key, observed: this.#known.get(key) ?? null }));
  }

  /** Pools that the host refused and would take now: saying so makes the engine try again. */
  async #unblocked(): Promise<readonly Key[]> {
    if (this.#blocked.size === 0) return [];
    const view = await this.#view();
    const free = [...this.#blocked].filter(([, step]) => !('conflict' in planEnsure(view, step.spec)));
    for (const [key] of free) this.#blocked.delete(key);
    return free.map(([key]) => key);
  }

  #join(step: PoolStep): Promise<StepResult> {
    const { promise, resolve } = Promise.withResolvers<StepResult>();
    this.#waiting.push({ step, resolve });
    if (this.#waiting.length === 1) void this.#turns.next(() => this.#flush());
    return promise;
  }

  /** Never rejects: what goes wrong is the result of every step that it concerns. */
  async #flush(): Promise<void> {
    let batch: readonly Waiting[] = [];
    try {
      const [view] = await Promise.all([this.#view(), this.#prepareRules()]);
      // Whatever came while the host was read joins in.
      batch = this.#takeWaiting();
      const ends = await this.#run(batch, view);
      const results = await this.#resultsOf(ends);
      this.#confirmLater();
      batch.forEach(({ resolve }, index) => {
        const result = results[index];
        if (result !== undefined) resolve(result);
      });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const failed = batch.length > 0 ? batch : this.#takeWaiting();
      for (const { step, resolve } of failed) {
        resolve(
          stepResult(
            { step, error: { code: failureCode(error, 'HostNetworkFailed'), message } },
            this.#known.get(step.key) ?? null,
          ),
        );
      }
    }
  }

  /** Without bridges, no packet filter is looked for (POOL-10). */
  async #prepareRules(): Promise<void> {
    const bridges = this.#waiting.some(
      ({ step }) => step.action === 'pool.ensure' && step.spec.type === 'bridge',
    );
    if (bridges) await this.#rules.prepare();
  }

  #confirmLater(): void {
    this.#cancelConfirmation();
    this.#cancelConfirmation = this.#options.after(
      confirmDelayMs,
      () => void this.#turns.next(() => this.#confirmRules()),
    );
  }

  /** Off the way of those who wait for their steps. */
  async #confirmRules(): Promise<void> {
    const differs = await this.#rules.confirm().catch(() => 'not known');
    if (differs !== null) this.#nudges.next();
  }

  #takeWaiting(): readonly Waiting[] {
    const taken = this.#waiting;
    this.#waiting = [];
    return taken;
  }

  #run(batch: readonly Waiting[], view: PoolView): Promise<readonly StepEnd[]> {
    const steps = batch.map(({ step }) => step);
    const keys = new Set<Key>(steps.map((step) => step.key));
    const onIntent = (records: ReadonlyMap<string, PoolRecord>) => {
      // What our own steps put right is no news.
      const others = [...this.#known.values()].filter((pool) => !keys.has(pool.key));
      const blocked = [...this.#blocked.values()].filter((step) => !keys.has(step.key));
      this.#interest = interestIn(records, others, blocked);
    };
    return runPoolBatch(steps, view, {
      commands: this.#commands,
      records: this.#records,
      rules: this.#rules,
      onIntent,
    });
  }

  async #resultsOf(ends: readonly StepEnd[]): Promise<readonly StepResult[]> {
    for (const end of ends) this.#remember(end);
    if (ends.some((end) => end.error !== undefined)) await this.#observe();
    else this.#watchOut(await this.#records.all());
    const keys = new Set<Key>(ends.map((end) => end.step.key));
    // The rules of all pools were written anew: what was wrong with those of others may be right now.
    if ([...this.#known.values()].some((pool) => pool.drift.length > 0 && !keys.has(pool.key)))
      this.#nudges.next();
    return ends.map((end) => stepResult(end, this.#known.get(end.step.key) ?? null));
  }

  #remember({ step, observed, conflict }: StepEnd): void {
    if (conflict !== undefined && step.action === 'pool.ensure') this.#blocked.set(step.key, step);
    else this.#blocked.delete(step.key);
    if (observed === null) this.#known.delete(step.key);
    else if (observed !== undefined) this.#known.set(step.key, observed);
  }
}
