import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { constants as system } from 'node:os';
import { basename, join } from 'node:path';
import type { LxcConfigItem } from '../../state/resource.ts';
import { resolveInside } from './resolve-inside.ts';

const signals: Readonly<Record<string, number>> = system.signals;

/** SIGPWR, and SIGRTMIN+3 with glibc's and musl's SIGRTMIN: what liblxc sends where nothing is configured. */
const liblxcChoices = [30, 37];

function isScript(path: string): boolean {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const start = Buffer.alloc(2);
      readSync(file, start, 0, 2, 0);
      return start.toString('latin1') === '#!';
    } finally {
      closeSync(file);
    }
  } catch {
    // Not there, or nothing that can be read: LXC will say so at the start, and better.
    return false;
  }
}

/**
 * What asks a container to stop, where its own configuration does not say: SIGTERM for a program named by `lxc.init.cmd` and for an init
 * that is a script, as everywhere else; SIGUSR2 for busybox' init, which ignores SIGPWR and takes SIGTERM for a reboot. Null
 * for any other init: LXC sends SIGPWR, or SIGRTMIN+3 to systemd.
 */
export function chooseHaltSignal(own: readonly LxcConfigItem[], root: string): string | null {
  if (own.some((item) => item.key === 'lxc.init.cmd')) return 'SIGTERM';
  const init = resolveInside(root, 'sbin/init', { followLast: true });
  if (basename(init) === 'busybox') return 'SIGUSR2';
  return isScript(join(root, init)) ? 'SIGTERM' : null;
}

/** Signals that LXC may send to stop a container with this configuration; empty where that can't be told. */
function haltSignals(configuration: string): readonly number[] {
  const [, value] = [...configuration.matchAll(/^lxc\.signal\.halt = (\S+)$/gm)].at(-1) ?? [];
  if (value === undefined) return liblxcChoices;
  const number = /^\d+$/.test(value) ? Number(value) : signals[value];
  return number === undefined ? [] : [number];
}

/**
 * True when the init `pid` surely ignores what would ask it to stop: the kernel drops every signal to a namespace's first process that it has
 * no handler for (pid_namespaces(7)). To wait for such a one would be in vain. `configuration` is the container's.
 */
export function ignoresHalt(pid: number, configuration: string): boolean {
  const asked = haltSignals(configuration);
  if (asked.length === 0) return false;
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ESRCH') return true;
    throw error;
  }
  // A blocked signal may be waited for (sigwait, signalfd).
  const masks = [...status.matchAll(/^Sig(?:Cgt|Blk):\s*([0-9a-f]+)$/gm)].map(([, hex]) =>
    BigInt(`0x${hex}`),
  );
  return !asked.some((signal) => masks.some((mask) => ((mask >> BigInt(signal - 1)) & 1n) === 1n));
}
