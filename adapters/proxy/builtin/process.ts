import { writeSync } from 'node:fs';
import { systemClock } from '../../../controller/clock.ts';
import { Complaints } from '../complaints.ts';
import { startControlServer } from '../control-server.ts';
import type { ProxyLimits } from './limits.ts';
import { protocolVersion } from './protocol-version.ts';
import { ServedListeners } from './served-listeners.ts';

/**
 * The proxy process: `node process.ts <directory> <limits as JSON>`. The composition root of a program of its own, and so one of two places that
 * know the system's clock. It serves nothing until it is told to, and ends with SIGTERM. What its parts do not
 * contain to one connection (contained) is said as well, and ends nothing: a request that was lost by it meets its limit of time.
 */
const [directory = '', limits = ''] = process.argv.slice(2);
process.chdir(directory);
const { complain } = new Complaints((text) => writeSync(process.stderr.fd, text));
const served = new ServedListeners(JSON.parse(limits) as ProxyLimits, systemClock().after, complain);
process.once('SIGTERM', () => {
  served.leave();
  process.exit(0);
});
// Where it can't be told what to do, it ends.
startControlServer(served, protocolVersion, () => process.on('uncaughtException', complain));
