import { canonicalJson, isJsonObject, type Json } from '../../state/json.ts';
import type { Commands } from './command.ts';
import { type Firewall, type Listing, needsRules } from './firewall.ts';
import { countNftEntries, renderNftRules } from './nft-rules.ts';
import { nftTable, saysPresent } from './nft-table.ts';
import type { OwnWrites } from './own-writes.ts';

/** Rules in a table of our own in nftables. `writes` is told of each replacement of it. */
export function nftFirewall(table: string, commands: Commands, writes: OwnWrites): Firewall {
  const own = nftTable(table, commands, writes);
  /** As it was when it was last read or written. */
  let absent = false;
  const read = async (): Promise<Listing | null> => {
    const stdout = await own.list();
    absent = stdout === null;
    return stdout === null ? null : canonicalListing(stdout);
  };
  return {
    name: 'nft',
    read,
    count: countNftEntries,
    works: async () => {
      if (commands.find('nft') === null) return false;
      return read().then(
        () => true,
        () => false,
      );
    },
    write: async (pools) => {
      const anyRules = pools.some(needsRules);
      const replace = () => own.transact(renderNftRules(table, pools));
      if (absent && anyRules) {
        await own.transact(renderNftRules(table, pools, 'create')).catch((error) => {
          if (!saysPresent(error)) throw error;
          return replace();
        });
      } else await replace();
      absent = !anyRules;
    },
  };
}

/**
 * What `nft --json list table` says, without what differs between equal rule sets: handles, and the version of nft.
 * Rules keep their order; elements of sets come sorted.
 */
export function canonicalListing(stdout: string): Listing {
  const { nftables = [] } = JSON.parse(stdout) as { nftables?: readonly Json[] };
  const objects = nftables.filter((entry) => isJsonObject(entry) && entry.metainfo === undefined);
  return {
    text: objects.map((entry) => canonicalJson(withoutHandles(entry))).join('\n'),
    entries: objects.reduce<number>((sum, entry) => sum + entriesIn(entry), 0),
  };
}

function entriesIn(entry: Json): number {
  if (!isJsonObject(entry)) return 0;
  const { rule, set } = entry;
  if (rule !== undefined) return 1;
  const elements = isJsonObject(set) ? set.elem : undefined;
  return Array.isArray(elements) ? elements.length : 0;
}

function withoutHandles(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutHandles);
  if (!isJsonObject(value)) return value;
  const members = Object.entries(value)
    .filter(([name]) => name !== 'handle')
    .map(([name, member]) => [name, name === 'elem' ? sorted(member) : withoutHandles(member as Json)]);
  return Object.fromEntries(members) as Json;
}

function sorted(elements: Json | undefined): Json {
  if (!Array.isArray(elements)) return elements ?? null;
  return [...elements].sort((one, other) => (canonicalJson(one) < canonicalJson(other) ? -1 : 1));
}
