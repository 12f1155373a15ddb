import type { Commands } from './command.ts';
import { iptablesFamily } from './iptables-firewall.ts';

/**
 * Docker (and others) drop in iptables whatever is forwarded and is not theirs: the policy of FORWARD is DROP. That a chain of nftables accepts a
 * packet does not help, since each packet filter has its say. Only a rule in iptables does.
 */

/** Where rules of the user's belong, which Docker keeps and asks first. */
const userChain = 'DOCKER-USER';

/**
 * Text for `iptables-restore --noflush` that lets connections through which the host leads to these bridges, given what `iptables-save` says;
 * empty where all is right. Where nothing is dropped, or no bridge is left, it takes away what it has made. `chain`: name of our own chain,
 * at most 28 characters. Bridges have to be plain names of interfaces.
 */
export function renderForwardException(chain: string, bridges: readonly string[], saved: string): string {
  const present = filterLines(saved);
  const wanted = bridges.length > 0 && present.some((line) => line.startsWith(':FORWARD DROP '));
  const parent = present.some((line) => line.startsWith(`:${userChain} `)) ? userChain : 'FORWARD';
  const jump = `${parent} -m comment --comment ${chain} -j ${chain}`;
  const rules = wanted ? bridges.flatMap((bridge) => acceptRules(chain, bridge)) : [];
  const jumps = present
    .filter((line) => line.endsWith(` -j ${chain}`))
    .map((line) => line.slice('-A '.length));
  const own = present.filter((line) => line.startsWith(`-A ${chain} `));
  const declared = present.some((line) => line.startsWith(`:${chain} `));
  const right = wanted
    ? jumps.length === 1 && jumps[0] === jump && own.join('\n') === rules.join('\n')
    : !declared && jumps.length === 0;
  if (right) return '';
  const lines = [
    `:${chain} - [0:0]`,
    ...jumps.map((old) => `-D ${old}`),
    ...(wanted ? [`-I ${jump}`, ...rules] : [`-X ${chain}`]),
  ];
  return `*filter\n${lines.join('\n')}\nCOMMIT\n`;
}

function acceptRules(chain: string, bridge: string): readonly string[] {
  return ['-o', '-i'].map((side) => `-A ${chain} ${side} ${bridge} -m conntrack --ctstate DNAT -j ACCEPT`);
}

function filterLines(saved: string): readonly string[] {
  const lines = saved.split('\n');
  const start = lines.indexOf('*filter');
  return start < 0 ? [] : lines.slice(start + 1, lines.indexOf('COMMIT', start));
}

/** What the kernel shows of a chain of iptables where it keeps its rules in nftables. */
const droppingPattern = /hook forward .*policy drop/;

/** The exception that forwarding needs in iptables, if any. */
export class ForwardPolicy {
  readonly #chain: string;
  readonly #commands: Commands;
  /** Bridges for which all was right when it was last looked at; null: it has to be looked at before it is left as it is. */
  #rightFor: string | null = null;

  constructor(chain: string, commands: Commands) {
    this.#chain = chain;
    this.#commands = commands;
  }

  /** What of it does not hold, in words; null: connections get to these bridges. Rejects with a CommandError. */
  async status(bridges: readonly string[]): Promise<string | null> {
    const problem = await this.#look(bridges);
    this.#rightFor = problem === null ? bridges.join() : null;
    return problem;
  }

  /**
   * Makes or removes what is needed; where it was right for the same bridges, nothing is looked at: `status` does. Rejects with a CommandError,
   * and with an Error where it is needed and cannot be made.
   */
  async write(bridges: readonly string[]): Promise<void> {
    if (this.#rightFor === bridges.join()) return;
    this.#rightFor = null;
    const family = iptablesFamily(this.#commands);
    if (family !== undefined) {
      const input = await this.#due(family, bridges);
      if (input !== '') await this.#commands.run([`${family}-restore`, '--noflush', '--wait'], { input });
    } else if (bridges.length > 0 && (await this.#dropsUnseen())) throw new Error(unreachable);
    this.#rightFor = bridges.join();
  }

  async #look(bridges: readonly string[]): Promise<string | null> {
    const family = iptablesFamily(this.#commands);
    if (family === undefined) return bridges.length > 0 && (await this.#dropsUnseen()) ? unreachable : null;
    if ((await this.#due(family, bridges)) === '') return null;
    return 'the exception from the FORWARD policy of iptables is not as it was set';
  }

  async #due(family: string, bridges: readonly string[]): Promise<string> {
    const { stdout } = await this.#commands.run([`${family}-save`]);
    return renderForwardException(this.#chain, bridges, stdout);
  }

  /** No program of iptables is here, but rules that some container's may have made. */
  async #dropsUnseen(): Promise<boolean> {
    const { stdout } = await this.#commands.run(['nft', 'list', 'chains', 'ip']);
    const [, filter = ''] = stdout.split('table ip filter {');
    return droppingPattern.test(filter.split('table ip ')[0] ?? '');
  }
}

const unreachable =
  'the FORWARD policy of iptables is DROP, which nothing gets through that is forwarded, and no iptables is installed to make an exception: install it';
