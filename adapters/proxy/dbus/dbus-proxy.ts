import { join } from 'node:path';
import { type Commands, systemCommands } from '../../linux/command.ts';
import type { After } from '../../linux/network-monitor.ts';
import { ControlledProcess } from '../controlled-process.ts';
import type { DbusListener, DbusProxy, DbusTraffic } from '../dbus-proxy.ts';
import { leastPrivileges } from '../least-privileges.ts';
import { protocolVersion } from './protocol-version.ts';

export interface DbusProxyOptions {
  /** Absolute; everything is kept in `run/dbus-proxy` below it. */
  readonly root: string;
  readonly after: After;
  /** The system's, unless a test hides programs. */
  readonly commands?: Pick<Commands, 'find'>;
}

/**
 * What it may do beyond what root's files are open to: become who a role says, without any group of root's, and reach sockets below directories of
 * others (an instance's root may lie in somebody's home).
 */
const powers = ['setuid', 'setgid', 'dac_read_search'];

/** See DbusProxy, and docs/decisions/dbus-proxy.md. */
export function createDbusProxy({ root, after, commands = systemCommands }: DbusProxyOptions): DbusProxy {
  const directory = join(root, 'run', 'dbus-proxy');
  return new ControlledProcess<DbusListener, DbusTraffic>({
    directory,
    after,
    title: 'the D-Bus proxy',
    protocolVersion,
    argv: () => [...leastPrivileges(commands, powers), process.execPath, program(), directory],
  });
}

/** The sources start the source, the bundle starts what tools/build.ts has put beside it. */
function program(): string {
  return join(import.meta.dirname, import.meta.filename.endsWith('.ts') ? 'process.ts' : 'dbus-proxy.js');
}
