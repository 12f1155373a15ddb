import { mkdirSync } from 'node:fs';
import { labTest } from './network-bench.ts';
import { answers, ask, makeRoot, openSockets, serve, startContainer } from './socket-bench.ts';

const web = { container: 'web', socket: '/run/app/x.sock' };

labTest(
  '[LINK-10] a socket of a container is reached while it is there, and refused otherwise',
  async (t) => {
    const { sockets } = openSockets(t);
    const path = sockets.pathOf(web);
    await sockets.keep([web]);
    t.is(await ask(path), 'refused');
    const container = await startContainer(t, await makeRoot(t));
    sockets.moved('web', container.pid);
    t.regex(sockets.problemOf(web) ?? '', /^there is no \/run\/app\/x\.sock in container 'web'$/);
    mkdirSync(container.at('/run/app'));
    await serve(t, container.at(web.socket), 'hello');
    await answers(path, 'hello');
    t.is(sockets.problemOf(web), null);
    sockets.moved('web', null);
    t.is(await ask(path), 'refused');
    t.is(sockets.problemOf(web), "container 'web' does not run");
  },
);
