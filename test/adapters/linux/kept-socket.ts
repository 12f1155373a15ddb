import { createProviderSockets } from '../../../adapters/linux/mounted-provider-sockets.ts';
import { systemClock } from '../../../controller/clock.ts';
import { ask } from './socket-bench.ts';

/** A process that keeps a socket of a container, says what comes of that, and takes everything away again. */

const [, , root = '', pid = ''] = process.argv;
const web = { container: 'web', socket: '/run/app/x.sock' };
const sockets = createProviderSockets({ root, after: systemClock().after, isInit: () => true });
sockets.moved('web', Number(pid));
await sockets.keep([web]);
const said = { problem: sockets.problemOf(web), answer: await ask(sockets.pathOf(web)) };
process.stdout.write(JSON.stringify(said));
await sockets.keep([]);
sockets.close();
