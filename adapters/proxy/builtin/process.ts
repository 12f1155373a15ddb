import { systemClock } from '../../../controller/clock.ts';
import { startControlServer } from './control-server.ts';
import type { ProxyLimits } from './limits.ts';
import { ServedListeners } from './served-listeners.ts';

/**
 * The proxy process: `node process.ts <directory> <limits as JSON>`. The composition root of a program of its own, and so one of two places that
 * know the system's clock. It serves nothing until it is told to, and ends with SIGTERM.
 */
const [directory = '', limits = ''] = process.argv.slice(2);
process.chdir(directory);
process.once('SIGTERM', () => process.exit(0));
startControlServer(new ServedListeners(JSON.parse(limits) as ProxyLimits, systemClock().after));
