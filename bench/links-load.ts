import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { capture } from '../tools/command.ts';
import { isReached } from './links-ground.ts';
import { type Reading, reading } from './measure.ts';

const seconds = 4;
const program = join(import.meta.dirname, 'unix-load.py');

/** Debian's: what is measured is not how a developer's Python was built. */
const python = '/usr/bin/python3';

const modes = {
  echo: { what: 'round trips of 64 bytes', unit: '1/s' },
  each: { what: 'connection per request', unit: '1/s' },
  bulk: { what: 'bytes one way', unit: 'byte/s' },
} as const;

/** Through each of the two, in turns of a few milliseconds. */
async function load(mode: keyof typeof modes, paths: readonly [string, string]) {
  const words = [program, 'load', mode, String(seconds), ...paths];
  const { code, output } = await capture({ program: python, arguments: words });
  const [linked, own] = output.split(' ').map(Number);
  if (code !== 0 || linked === undefined || own === undefined)
    throw new Error(`the load on ${paths.join(' and ')} ended with ${code}: ${output}`);
  return { linked, own };
}

/**
 * What one connection after another gets through a link, against what it gets at the provider's own socket, in turns. `own` is the provider's path
 * and `linked` the consumer's, as this process reaches them.
 */
export async function throughLink(own: string, linked: string): Promise<readonly Reading[]> {
  const server = spawn(python, [program, 'serve', own], { stdio: ['ignore', 'ignore', 'inherit'] });
  try {
    while (!(await isReached(linked))) await delay(20);
    const readings: Reading[] = [];
    for (const mode of Object.keys(modes) as readonly (keyof typeof modes)[]) {
      const { what, unit } = modes[mode];
      const found = await load(mode, [linked, own]);
      const peer = { name: "the provider's own socket", value: found.own };
      const limit = { of: 'ratio', atLeast: 0.99 } as const;
      readings.push(reading({ name: `unix link, ${what}`, unit, peer, limit }, found.linked));
    }
    return readings;
  } finally {
    server.kill();
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
  }
}
