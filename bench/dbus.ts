import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../adapters/linux/command.ts';
import { createDbusProxy } from '../adapters/proxy/dbus/dbus-proxy.ts';
import type { DbusListener } from '../adapters/proxy/dbus-proxy.ts';
import { systemClock } from '../controller/clock.ts';
import { inDirectory } from './bench-directory.ts';
import { echoName } from './links-ground.ts';
import { begin, callsPerSecond, end, listening, serveBus } from './links-proxied.ts';
import { inTurns, type Reading, reading } from './measure.ts';

const rounds = 5;

/** Runs `work` with the path at which xdg-dbus-proxy stands for a bus, with its filter; null where it is not installed. */
async function withPeer<Result>(
  own: string,
  directory: string,
  work: (path: string | null) => Promise<Result>,
): Promise<Result> {
  if (findProgram('xdg-dbus-proxy') === null) return work(null);
  const path = join(directory, 'xdg.sock');
  const proxy = begin(['xdg-dbus-proxy', `unix:path=${own}`, path, '--filter', `--talk=${echoName}`]);
  try {
    await listening(proxy, path);
    return await work(path);
  } finally {
    await end(proxy);
  }
}

/** Calls through the D-Bus proxy alone, with the interface told and without, against the bus's own socket and another proxy (LINK-6). */
export function dbusProxied(): Promise<readonly Reading[]> {
  return inDirectory(async (directory) => {
    const own = join(directory, 'bus.sock');
    const bus = await serveBus(own, directory);
    const proxy = createDbusProxy({ root: join(directory, 'root'), after: systemClock().after });
    mkdirSync(join(directory, 'links'));
    const link = (name: string, granted: string | null): DbusListener => {
      return {
        name,
        path: join(directory, 'links', name),
        bus: own,
        uid: 0,
        claimedUid: 0,
        interface: granted,
      };
    };
    const [narrow, whole] = [link('narrow', echoName), link('whole', null)];
    try {
      await proxy.serve([narrow, whole]);
      return await withPeer(own, directory, (peer) => compared(own, [narrow.path, whole.path], peer));
    } finally {
      await proxy.serve([]);
      proxy.close();
      await bus.end();
    }
  });
}

async function compared(
  own: string,
  linked: readonly string[],
  other: string | null,
): Promise<readonly Reading[]> {
  const paths = [own, ...linked, ...(other === null ? [] : [other])];
  const rates = await inTurns(
    rounds,
    paths.map((path) => () => callsPerSecond(path)),
  );
  const [direct = 0, narrow = 0, whole = 0, theirs] = rates;
  const peer = { name: "the bus's own socket", value: direct };
  const limit = { of: 'ratio', atLeast: 0.7 } as const;
  const unit = '1/s';
  return [
    reading({ name: 'D-Bus proxy with an interface, calls', unit, peer, limit }, narrow),
    reading({ name: 'D-Bus proxy without an interface, calls', unit, peer, limit }, whole),
    ...(theirs === undefined ? [] : [reading({ name: 'xdg-dbus-proxy, calls', unit, peer }, theirs)]),
  ];
}
