import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { nextTurn } from '../../../../adapters/linux/next-turn.ts';
import { BusWire } from './bus-wire.ts';

export const daemons = ['dbus-daemon', 'dbus-broker'] as const;
export type Daemon = (typeof daemons)[number];

/**
 * A system bus with the example's policy, and rules for what the tests ask beyond that. Rules of groups are for the broker, which believes the kernel on
 * them; the other looks them up itself, and where there are any lets nobody in whom it does not find.
 */
const configuration = (
  daemon: Daemon,
  socket: string,
): string => `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=${socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
    <allow send_destination="org.pantavisor.Example"/>
    <allow send_destination="org.pantavisor.Hidden"/>
  </policy>
  <policy user="root">
    <allow own="org.pantavisor.Example"/>
    <allow own="org.pantavisor.Hidden"/>
    <allow send_destination="org.pantavisor.Example"/>
    <allow send_interface="org.freedesktop.DBus.Monitoring"/>
    <allow eavesdrop="true"/>
  </policy>
  ${daemon === 'dbus-broker' ? '<policy group="root"><allow own="org.pantavisor.OfRootsGroup"/></policy>' : ''}
</busconfig>
`;

/** What dbus-broker has to find: it speaks to the journal, and gets its socket from whoever starts it. */
const broker = (directory: string, socket: string): string => `
mkdir -p /run/systemd/journal
socat -u UNIX-RECV:/run/systemd/journal/socket,unlink-early OPEN:/dev/null &
until [ -S /run/systemd/journal/socket ]; do sleep 0.01; done
exec systemd-socket-activate -E DBUS_SYSTEM_BUS_ADDRESS=unix:path=${socket} -l ${socket} dbus-broker-launch --scope system --config-file ${directory}/bus.conf`;

/** Starts one below the directory; resolves with where it is reached, once it answers. */
export async function startBus(t: ExecutionContext, daemon: Daemon, directory: string): Promise<string> {
  mkdirSync(directory, { recursive: true });
  const socket = join(directory, 'bus.sock');
  writeFileSync(join(directory, 'bus.conf'), configuration(daemon, socket));
  const [program, words] =
    daemon === 'dbus-daemon'
      ? ['dbus-daemon', ['--config-file', join(directory, 'bus.conf'), '--nofork', '--nopidfile']]
      : ['sh', ['-c', broker(directory, socket)]];
  // A group of its own: the broker is a family.
  const child = spawn(program as string, words as string[], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let said = '';
  child.stderr?.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  t.teardown(async () => {
    if (!t.passed) t.log(said);
    endGroup(child.pid);
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  while (!existsSync(socket)) {
    if (child.exitCode !== null) throw new Error(`${daemon} has ended: ${said}`);
    await nextTurn();
  }
  await chmod(socket, 0o666);
  (await BusWire.open(socket)).socket.destroy();
  return socket;
}

function endGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
