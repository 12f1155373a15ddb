import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { PortHolder } from './listener-contract.ts';

/** Has this process listen at a port of 127.0.0.1, as any other program of the host could. */
export async function takePort(port: number): Promise<PortHolder> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    process: readFileSync('/proc/self/comm', 'utf8').trim(),
    release: async () => {
      await once(server.close(), 'close');
    },
  };
}
