import { writeSync } from 'node:fs';
import { loadSystemCalls } from '../../linux/system-calls.ts';
import { Complaints } from '../complaints.ts';
import { startControlServer } from '../control-server.ts';
import { protocolVersion } from './protocol-version.ts';
import { ServedLinks } from './served-links.ts';

/**
 * The process of dbus links: `node process.ts <directory>`. The composition root of a program of its own. It serves nothing until it is told to,
 * and ends with SIGTERM. It needs no clock: whatever it waits for is a byte.
 */
const [directory = ''] = process.argv.slice(2);
process.chdir(directory);
process.once('SIGTERM', () => process.exit(0));
// A bus is told of groups, too, by whoever connects: what root is in besides its own would be granted to every role.
if (process.geteuid?.() === 0) process.setgroups?.([]);
const { complain } = new Complaints((text) => writeSync(process.stderr.fd, text));
const served = new ServedLinks(await loadSystemCalls(), complain);
// Where it can't be told what to do, it ends.
startControlServer(served, protocolVersion, () => process.on('uncaughtException', complain));
