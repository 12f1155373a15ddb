import type { OwnWrites } from './own-writes.ts';

/**
 * What the lines of `ip monitor` and `nft monitor` mean to our pools. A container's start alone prints some thirty
 * lines (its veth pair, carrier of the bridge, IPv6 addresses and routes); only what contradicts a pool counts.
 */

/** What to look out for. */
export interface Interest {
  /** From bridge to the address with prefix that it must carry. */
  readonly bridges: ReadonlyMap<string, string>;
  readonly parents: ReadonlySet<string>;
  /** Interfaces of pools that drift or are blocked: any news of them counts. */
  readonly unsettled: ReadonlySet<string>;
  /** A pool is blocked by a route: one that goes counts. */
  readonly blockedByRoute: boolean;
  readonly forwarding: boolean;
  /** True for the host end of a veth pair of ours. */
  readonly isMember: (name: string) => boolean;
}

/**
 * `look`: something is other than it should be. `suspect`: it is, unless `clear` of the same follows shortly — a veth
 * that is taken off its bridge may be about to be deleted, a bridge that is not up may be one we are just making.
 * `gone`: the host end of this name is there no more, which clears what was suspected of it.
 */
export type News =
  | { readonly type: 'look' }
  | { readonly type: 'suspect' | 'clear'; readonly what: string }
  | { readonly type: 'gone'; readonly what: string; readonly name: string };

const look: News = { type: 'look' };
const linkPattern = /^(Deleted )?\d+: ([^:@\s]+)(?:@[^:\s]*)?: <([^>]*)>(.*)$/;
const addressPattern = /^(Deleted )?\d+: \S+ +inet (\S+) .*?(?:scope \S+ )(\S+?)\\/;
const forwardingPattern = /^inet all forwarding (on|off)/;
/** The settings of an interface go with it, and when it is renamed: its name is then free. */
const nameGonePattern = /^Deleted inet (\S+)/;
const routePattern = /^Deleted (?:(?:blackhole|unreachable|prohibit|throw|unicast) )?\d+\.\d+\.\d+\.\d+/;

/** What one line of `ip -o monitor link address route netconf` means; null: nothing to us. */
export function readIpLine(line: string, interest: Interest): News | null {
  const link = linkPattern.exec(line);
  if (link !== null) {
    const [, deleted, name = '', flags = '', rest = ''] = link;
    return readLink(
      { deleted: deleted !== undefined, name, up: flags.split(',').includes('UP'), rest },
      interest,
    );
  }
  const address = addressPattern.exec(line);
  if (address !== null)
    return readAddress(address[1] !== undefined, address[2] ?? '', address[3] ?? '', interest);
  const forwarding = forwardingPattern.exec(line);
  if (forwarding !== null) return readForwarding(forwarding[1] === 'on', interest);
  const gone = nameGonePattern.exec(line)?.[1] ?? '';
  if (interest.isMember(gone)) return { type: 'gone', what: `member ${gone}`, name: gone };
  if (interest.bridges.has(gone) || interest.parents.has(gone)) return look;
  return interest.blockedByRoute && routePattern.test(line) ? look : null;
}

interface LinkLine {
  readonly deleted: boolean;
  readonly name: string;
  readonly up: boolean;
  readonly rest: string;
}

function readLink(link: LinkLine, interest: Interest): News | null {
  if (interest.isMember(link.name)) return readMember(link);
  if (interest.unsettled.has(link.name)) return look;
  if (!interest.bridges.has(link.name) && !interest.parents.has(link.name)) return null;
  if (link.deleted) return look;
  return { type: link.up ? 'clear' : 'suspect', what: `link ${link.name}` };
}

/**
 * The host end of a veth pair belongs on its bridge, and up. What a bridge says of its port has no `qdisc`, and the kernel says the same of the
 * link. One that was never up (`noop`) is being made. One that is about to be deleted is set down and taken off first.
 */
function readMember({ deleted, name, up, rest }: LinkLine): News | null {
  const qdisc = / qdisc (\S+) /.exec(rest)?.[1];
  if (qdisc === undefined) return null;
  if (qdisc === 'noop' && !deleted) return null;
  return { type: deleted || (up && rest.includes(' master ')) ? 'clear' : 'suspect', what: `member ${name}` };
}

/** The label that a line begins with is the name that the interface had when it got the address; the last word is its name. */
function readAddress(deleted: boolean, address: string, name: string, interest: Interest): News | null {
  if (interest.unsettled.has(name)) return look;
  if (interest.bridges.get(name) !== address) return null;
  return { type: deleted ? 'suspect' : 'clear', what: `address ${name}` };
}

function readForwarding(on: boolean, interest: Interest): News | null {
  return interest.forwarding ? { type: on ? 'clear' : 'suspect', what: 'forwarding' } : null;
}

const generationPattern = /^# new generation /;
/** The kernel dropped events, since they were not read fast enough. */
const lostPattern = /^# ERROR/;

/** What more than a replaced table matters in the rules. */
export interface RuleInterest {
  /** Our own transactions change parts of the table. Absent: each replaces it whole. */
  readonly ownInParts?: boolean;
  /** Lines that are news although they are not about our table. */
  readonly besides?: RegExp;
}

/**
 * Reads `nft monitor`, which ends each transaction with a line of its own. `take` is true for the last line of a
 * transaction of others that touched our table, and where events were lost.
 */
export class NftMonitorReader {
  readonly #table: string;
  /** A line that each of our own transactions has: making or deleting the whole table, unless they change parts. */
  readonly #wholly: RegExp;
  readonly #own: OwnWrites;
  readonly #besides: RegExp | undefined;
  #mentioned = false;
  #whole = false;
  #others = false;

  constructor(table: string, own: OwnWrites, interest: RuleInterest = {}) {
    this.#table = ` inet ${table} `;
    this.#besides = interest.besides;
    this.#wholly = interest.ownInParts
      ? new RegExp(` inet ${table}(?: |$)`)
      : new RegExp(`^(?:add|create|delete) table inet ${table}$`);
    this.#own = own;
  }

  take(line: string): boolean {
    if (lostPattern.test(line)) {
      this.#own.reset();
      return true;
    }
    if (generationPattern.test(line)) return this.#endTransaction();
    this.#whole ||= this.#wholly.test(line);
    this.#mentioned ||= ` ${line} `.includes(this.#table);
    this.#others ||= this.#besides?.test(line) === true;
    return false;
  }

  #endTransaction(): boolean {
    const changed = this.#mentioned && !(this.#whole && this.#own.claim());
    const others = changed || this.#others;
    this.#mentioned = false;
    this.#whole = false;
    this.#others = false;
    return others;
  }
}
