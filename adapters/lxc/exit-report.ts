import { constants as system } from 'node:os';
import type { ContainerExit } from '../../state/resource.ts';

/**
 * Lines of the monitor's log, by the function of liblxc that wrote them: as old as LXC 3, and the same up to 7. `post_start`: an
 * init runs. `signal_handler` (DEBUG): it has ended. `lxc_error_set_and_log` (INFO): with a status other than 0, or by a signal.
 * `lxc_delete_network` (DEBUG) follows in any case: only then is silence about the status a 0.
 */
const tellingLine =
  /^lxc-start \S+ (\d{14}\.\d{3}) [A-Z]+ +\w+ - \S+:(post_start|signal_handler|lxc_error_set_and_log|lxc_delete_network):\d+ - (.*)$/gm;

/** The times of files are those of the kernel's last tick, of which there are 100 a second at least. */
const tickMs = 10;

/**
 * LXC's time, `20261122052929.785`, which is UTC: milliseconds since the epoch. LXC leaves out the zeros that a fraction begins with, and
 * takes the three digits after them: 29.054321 s is told as `29.543`. What is told is never later than `writtenBy`: of the moments that it
 * may mean, the last one that fits is taken.
 */
function millisecondsOf(stamp: string, writtenBy: number): number {
  const [, year, month, day, hour, minute, second, fraction] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)\.(\d{3})$/.exec(stamp) ?? [];
  const whole = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  const milliseconds = Number(fraction);
  const candidates = [1, 10, 100].map((divisor) => whole + Math.floor(milliseconds / divisor));
  return candidates.find((at) => at <= writtenBy + tickMs) ?? whole;
}

function signalName(number: number): string {
  const known = Object.entries(system.signals).find(([, value]) => value === number);
  return known?.[0] ?? `SIG${number}`;
}

function unusualEnd(message: string, at: number): ContainerExit | null {
  const [, signal, status] =
    /^Child <\d+> ended on (?:signal .*\((\d+)\)|error \((\d+)\))$/.exec(message) ?? [];
  if (signal !== undefined) return { code: null, signal: signalName(Number(signal)), at };
  return status === undefined ? null : { code: Number(status), signal: null, at };
}

/**
 * How the last init that a log of `lxc-start -l DEBUG` speaks of has ended; null where it has not, or where the log does not say: its
 * monitor was killed, the disk was full. A container that restarts itself goes on in the same log. `writtenBy` is when something was last
 * written to it, milliseconds since the epoch.
 */
export function exitInLog(log: string, writtenBy: number): ContainerExit | null {
  let endedAt: number | null = null;
  let exit: ContainerExit | null = null;
  for (const [, stamp = '', source, message = ''] of log.matchAll(tellingLine)) {
    const at = millisecondsOf(stamp, writtenBy);
    if (source === 'post_start') [endedAt, exit] = [null, null];
    else if (source === 'signal_handler' && /^Container init process \d+ exited$/.test(message)) endedAt = at;
    else if (source === 'lxc_error_set_and_log') exit = unusualEnd(message, endedAt ?? at);
    else if (source === 'lxc_delete_network' && endedAt !== null)
      exit ??= { code: 0, signal: null, at: endedAt };
  }
  return exit;
}

/** A line of level ERROR; its text is behind program, container, time, module, and the place in LXC's own source. */
const complaint = /^lxc-start \S+ \d{14}\.\d{3} ERROR +\w+ - \S+:\w+:\d+ - (.*)$/gm;

/** What LXC complained of in a log of `lxc-start`, oldest first, without where in LXC's source it did: what a person reads. */
export function complaintsIn(log: string): readonly string[] {
  return [...log.matchAll(complaint)].map(([, text = '']) => text);
}
