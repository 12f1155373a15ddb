import { writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { firstValueFrom } from 'rxjs';
import { ownMounts } from '../../../adapters/linux/mount-info.ts';
import { container, removeContainer, start, stop } from '../../contract/fixtures.ts';
import { copyProgram } from '../../lab/copy-program.ts';
import { answers, ask, openSockets } from '../linux/socket-bench.ts';
import { type LxcWorld, makeLxcWorld } from './lxc-world.ts';

/** Listens on a unix socket at `$ARGV[0]` and tells whoever connects its own process id and user, as the container sees them. */
const server = `
  socket(my $listener, 1, 1, 0) or die;
  unlink $ARGV[0];
  bind($listener, pack('S a*', 1, $ARGV[0] . chr(0))) or die "bind: $!";
  listen($listener, 9);
  while (accept(my $client, $listener)) { syswrite $client, "$$ $<"; close $client }`;

const init = `mkdir -p /run/app && exec /usr/bin/perl /server.pl /run/app/x.sock`;
const web = { container: 'web', socket: '/run/app/x.sock' };

let world: LxcWorld;
test.before(async () => {
  world = await makeLxcWorld();
});
test.after.always(() => world?.dispose());

async function startServer(t: ExecutionContext, path: string): Promise<number> {
  const result = await world.adapter.apply(start(container('web', { type: 'directory', path }, [])));
  t.is(result.outcome, 'done', JSON.stringify(result));
  const facts = result.observations[0]?.observed?.facts as { readonly pid: number } | undefined;
  return facts?.pid ?? 0;
}

test.serial('[ING-10] the socket of a container of LXC is reached, again after each restart', async (t) => {
  const path = await world.makeRoot(init);
  await copyProgram('/usr/bin/perl', path);
  writeFileSync(`${path}/server.pl`, server);
  const { sockets } = openSockets(t);
  t.teardown(() => world.adapter.apply(removeContainer('web')));
  await sockets.keep([web]);
  for (let round = 0; round < 3; round++) {
    sockets.moved('web', await startServer(t, path));
    await answers(sockets.pathOf(web), '1 0');
    t.is(sockets.problemOf(web), null);
    t.is((await world.adapter.apply(stop('web'))).outcome, 'done');
    while (sockets.problemOf(web) === null) await firstValueFrom(sockets.changed);
    t.is(await ask(sockets.pathOf(web)), 'refused');
    // What is mounted on the host would keep the container's root, and the next start would find its layers in use.
    t.deepEqual(
      ownMounts().filter(({ mountPoint }) => mountPoint === sockets.pathOf(web)),
      [],
    );
  }
});
