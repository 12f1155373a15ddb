import { CommandError, type Commands } from './command.ts';
import type { OwnWrites } from './own-writes.ts';

/** What nft says of a table that is not there, and of one that is there already. */
const absentPattern = /No such file or directory/;
const presentPattern = /File exists/;

const says = (error: unknown, pattern: RegExp): boolean =>
  error instanceof CommandError && pattern.test(error.stderr);

/** True when nft failed since what was to be created is there. */
export function saysPresent(error: unknown): boolean {
  return says(error, presentPattern);
}

/** One table of nftables (family inet) that is ours. */
export interface NftTable {
  readonly name: string;
  /** What `nft --json list table` prints; null: there is none. Rejects when it cannot tell. */
  list(): Promise<string | null>;
  /** Runs `input` in one transaction, whole or not at all, which has to change something of the table. Rejects with a CommandError. */
  transact(input: string): Promise<void>;
}

/** `writes` is told of each transaction. */
export function nftTable(name: string, commands: Commands, writes: OwnWrites): NftTable {
  return {
    name,
    list: async () => {
      try {
        return (await commands.run(['nft', '--json', 'list', 'table', 'inet', name])).stdout;
      } catch (error) {
        if (says(error, absentPattern)) return null;
        throw error;
      }
    },
    transact: async (input) => {
      writes.begin();
      try {
        await commands.run(['nft', '--file', '-'], { input });
      } catch (error) {
        writes.failed();
        throw error;
      }
    },
  };
}
