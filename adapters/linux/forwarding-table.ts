import { digestOf } from '../../state/json.ts';
import { CommandError } from './command.ts';
import { forgetConnections } from './connection-tracking.ts';
import { type Contents, ledNoMore, noContents } from './forwarding-contents.ts';
import { readForwardingListing } from './forwarding-listing.ts';
import { type ForwardingRecordFile, noRecord } from './forwarding-record.ts';
import { renderChanges, renderForwarding, renderRemoval } from './forwarding-rules.ts';
import type { NftTable } from './nft-table.ts';
import type { ForwardTraffic } from './port-forwarding.ts';
import { nextGeneration, rulesGeneration } from './rules-generation.ts';

/** The table as it was at one generation of the host's rules. */
interface Sight {
  readonly generation: number;
  /** Null: there is no table. */
  readonly contents: Contents | null;
  /** Its chains and sets are as they were made. */
  readonly intact: boolean;
}

/**
 * The table of port forwarding in the kernel. What it holds is listed only where any rule of the host has changed since it was last seen. Calls
 * must not overlap. All reject with a CommandError, and where the kernel cannot be asked (see connection-tracking.ts).
 */
export class ForwardingTable {
  readonly #table: NftTable;
  readonly #record: ForwardingRecordFile;
  #seen: Sight | null = null;
  /** What we wrote last: where others have taken the table away, connections that came by it go on. */
  #written: Contents = noContents;

  /** Of the record, `frame` and `stale` are kept here. */
  constructor(table: NftTable, record: ForwardingRecordFile) {
    this.#table = table;
    this.#record = record;
  }

  async exists(): Promise<boolean> {
    return (await this.#look()).contents !== null;
  }

  /** What differs, in words; null: nothing does. */
  async check(wanted: Contents): Promise<string | null> {
    const { contents, intact } = await this.#look();
    if (contents === null) return 'port forwarding rules are missing';
    if (!intact || this.#changes(contents, wanted) !== '') return 'port forwarding rules were changed';
    const left = (this.#record.read() ?? noRecord).stale.length > 0;
    return left ? 'connections of forwards that are gone were not ended' : null;
  }

  /** Changes the elements that differ; a table that is not as it was made is replaced. */
  async bring(wanted: Contents): Promise<void> {
    const { contents, intact } = await this.#look();
    if (contents === null) return this.#make(this.#written, wanted, 'create');
    if (intact && (await this.#change(contents, wanted))) return;
    await this.#make(contents, wanted, 'replace');
  }

  async remove(): Promise<void> {
    const { contents } = await this.#look();
    const input = contents === null ? '' : renderRemoval(this.#table.name);
    await this.#turn(input, contents ?? this.#written, noContents);
  }

  async traffic(): Promise<readonly ForwardTraffic[]> {
    const stdout = await this.#table.list();
    return stdout === null ? [] : readForwardingListing(stdout).traffic;
  }

  #changes(present: Contents, wanted: Contents): string {
    return renderChanges(this.#table.name, present, wanted);
  }

  async #look(): Promise<Sight> {
    // Asked before: a change while it is listed makes the next look list again.
    const generation = await rulesGeneration();
    if (this.#seen?.generation === generation) return this.#seen;
    const stdout = await this.#table.list();
    const listing = stdout === null ? null : readForwardingListing(stdout);
    const intact = listing !== null && this.#record.read()?.frame === digestOf(listing.frame);
    this.#seen = { generation, contents: listing?.contents ?? null, intact };
    return this.#seen;
  }

  /** False: others have changed something since it was seen. */
  async #change(contents: Contents, wanted: Contents): Promise<boolean> {
    try {
      await this.#turn(this.#changes(contents, wanted), contents, wanted);
      return true;
    } catch (error) {
      if (error instanceof CommandError) return false;
      throw error;
    }
  }

  async #make(before: Contents, wanted: Contents, how: 'create' | 'replace'): Promise<void> {
    this.#keep({ frame: null });
    await this.#turn(renderForwarding(this.#table.name, wanted, how), before, wanted);
    this.#seen = null;
    const stdout = await this.#table.list();
    const listing = stdout === null ? null : readForwardingListing(stdout);
    // Others were faster: the next look says so.
    if (listing === null || this.#changes(listing.contents, wanted) !== '') return;
    this.#keep({ frame: digestOf(listing.frame) });
  }

  /** One transaction, after which no connection goes on that came by what is gone. It is on record before, should we be killed in between. */
  async #turn(input: string, before: Contents, wanted: Contents): Promise<void> {
    const stale = ledNoMore(before, wanted, this.#record.read()?.stale);
    this.#keep({ stale });
    const since = this.#seen;
    this.#seen = null;
    if (input !== '') await this.#table.transact(input);
    this.#written = wanted;
    await forgetConnections(stale);
    this.#keep({ stale: [] });
    const generation = await rulesGeneration();
    const expected = input === '' ? since?.generation : nextGeneration(since?.generation ?? 0);
    if (since?.intact && generation === expected) this.#seen = { ...since, generation, contents: wanted };
  }

  #keep(
    part: Partial<{ readonly frame: string | null; readonly stale: ReturnType<typeof ledNoMore> }>,
  ): void {
    this.#record.keep({ ...(this.#record.read() ?? noRecord), ...part });
  }
}
