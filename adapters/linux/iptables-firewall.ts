import type { Commands } from './command.ts';
import { type Firewall, needsRules } from './firewall.ts';
import { ownIptablesLines, renderIptablesRules } from './iptables-rules.ts';

/** Families of programs that keep rules where there is no nft, in order of preference. */
const families: readonly string[] = ['iptables', 'iptables-nft', 'iptables-legacy'];

/** Rules in chains of our own in iptables: the fallback of POOL-5. `prefix` begins the names of all of them. */
export function iptablesFirewall(prefix: string, commands: Commands): Firewall {
  const family = families.find(
    (name) => commands.find(`${name}-save`) !== null && commands.find(`${name}-restore`) !== null,
  );
  const lines = async (): Promise<readonly string[]> => {
    const { stdout } = await commands.run([`${family}-save`]);
    return ownIptablesLines(stdout, prefix);
  };
  const read = async (): Promise<string | null> => {
    const present = await lines();
    return present.length === 0 ? null : present.join('\n');
  };
  return {
    name: 'iptables',
    read,
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
      return pools.some(needsRules) ? read() : null;
    },
  };
}
