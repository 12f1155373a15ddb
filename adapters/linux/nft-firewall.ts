import { canonicalJson, isJsonObject, type Json } from '../../state/json.ts';
import { CommandError, type Commands } from './command.ts';
import { type Firewall, needsRules } from './firewall.ts';
import { renderNftRules } from './nft-rules.ts';
import type { OwnWrites } from './own-writes.ts';

/** What nft says of a table that is not there. */
const absentPattern = /No such file or directory/;

/** Rules in a table of our own in nftables. `writes` is told of each replacement of it. */
export function nftFirewall(table: string, commands: Commands, writes: OwnWrites): Firewall {
  const read = async (): Promise<string | null> => {
    try {
      const { stdout } = await commands.run(['nft', '--json', 'list', 'table', 'inet', table]);
      return canonicalListing(stdout);
    } catch (error) {
      if (error instanceof CommandError && absentPattern.test(error.stderr)) return null;
      throw error;
    }
  };
  return {
    name: 'nft',
    read,
    works: async () => {
      if (commands.find('nft') === null) return false;
      return read().then(
        () => true,
        () => false,
      );
    },
    write: async (pools) => {
      const input = renderNftRules(table, pools);
      writes.begin();
      try {
        await commands.run(['nft', '--file', '-'], { input });
      } catch (error) {
        writes.failed();
        throw error;
      }
      return pools.some(needsRules) ? read() : null;
    },
  };
}

/**
 * What `nft --json list table` says, without what differs between equal rule sets: handles, and the version of nft.
 * Rules keep their order; elements of sets come sorted.
 */
export function canonicalListing(stdout: string): string {
  const { nftables = [] } = JSON.parse(stdout) as { nftables?: readonly Json[] };
  return nftables
    .filter((entry) => isJsonObject(entry) && entry.metainfo === undefined)
    .map((entry) => canonicalJson(withoutHandles(entry)))
    .join('\n');
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
