import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import type { Commands } from '../linux/command.ts';

/**
 * All that a proxy of HTTP and tcp may do beyond what its user may: listen at ports below 1024, and connect to sockets of containers, whose owners
 * are users of their own (capabilities(7)).
 */
const usualPowers = ['net_bind_service', 'dac_override'];

/**
 * What to put before a program so that it, and whatever it becomes, has these of root's powers alone and can gain none. Nothing where there
 * is no setpriv of util-linux (busybox' own knows less), or where we have no powers to give up.
 */
export function leastPrivileges(
  { find }: Pick<Commands, 'find'>,
  powers: readonly string[] = usualPowers,
): readonly string[] {
  const setpriv = find('setpriv');
  const isKnown = setpriv !== null && basename(realpathSync(setpriv)) === 'setpriv';
  if (!isKnown || process.geteuid?.() !== 0) return [];
  const kept = ['-all', ...powers.map((power) => `+${power}`)].join(',');
  return [setpriv, '--bounding-set', kept, '--inh-caps', '-all', '--no-new-privs'];
}
