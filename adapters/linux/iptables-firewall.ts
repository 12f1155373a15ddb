import type { Commands } from './command.ts';
import type { Firewall, Listing } from './firewall.ts';
import { countIptablesRules, ownIptablesLines, renderIptablesRules } from './iptables-rules.ts';

/** Families of programs that keep rules where there is no nft, in order of preference. */
const families: readonly string[] = ['iptables', 'iptables-nft', 'iptables-legacy'];

/** Name of the family of iptables programs that is installed; undefined: none is. */
export function iptablesFamily(commands: Commands): string | undefined {
  return families.find(
    (name) => commands.find(`${name}-save`) !== null && commands.find(`${name}-restore`) !== null,
  );
}

/** Rules in chains of our own in iptables: the fallback of POOL-5. `prefix` begins the names of all of them. */
export function iptablesFirewall(prefix: string, commands: Commands): Firewall {
  const family = iptablesFamily(commands);
  const lines = async (): Promise<readonly string[]> => {
    const { stdout } = await commands.run([`${family}-save`]);
    return ownIptablesLines(stdout, prefix);
  };
  const read = async (): Promise<Listing | null> => {
    const present = await lines();
    if (present.length === 0) return null;
    return { text: present.join('\n'), entries: present.filter((line) => line.includes(' -A ')).length };
  };
  return {
    name: 'iptables',
    read,
    count: countIptablesRules,
    works: async () => {
      if (family === undefined) return false;
      return read().then(
        () => true,
        () => false,
      );
    },
    write: async (pools) => {
      const input = renderIptablesRules(prefix, pools, await lines());
      if (input !== '') await commands.run([`${family}-restore`, '--noflush', '--wait'], { input });
    },
  };
}
