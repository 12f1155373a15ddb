import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { chosenProxy } from '../../adapters/proxy/chosen-proxy.ts';
import type { Proxy as HostProxy, ProxyProcess } from '../../adapters/proxy/proxy.ts';
import { systemClock } from '../../controller/clock.ts';
import { makeBusyboxRoot } from '../lab/busybox-root.ts';
import { copyProgram } from '../lab/copy-program.ts';
import { Device } from './device.ts';
import { container, type Part, stateOf } from './states.ts';

/** Names of the proxies, each of which the scenarios of ingress are played with. */
export type ProxyName = HostProxy['name'];

/** How long anything may take that is to be so within a second on an idle machine, milliseconds. */
const patienceMs = 10_000;

/** Where the provider listens; bytes are echoed at the port after it. */
export const providerPort = 8080;
export const providerSocket = '/run/app/web.sock';

/** Runs the service again and again: it may fail without the container. */
const init = `mkdir -p /run/app
trap 'exit 0' TERM
while :; do ${process.execPath} /provider-program.ts ${providerSocket} ${providerPort} & wait $!; done`;

export const pools = { internal: { bridge: 'pvbr0', subnet: '10.0.5.0/24' } };

/** A rule as `device.json` has it, to a service of `web`. */
export function rule(name: string, type: 'http' | 'tcp', external: string, service: string): Part {
  return { name, type, external, provider: 'web', service };
}

/** A device whose container `web` provides `site` on a unix socket, `api` on a port, and `echo` on the next one. */
export async function ingressDevice(t: ExecutionContext) {
  const made = await Device.make('lxc');
  t.teardown(() => made.destroy());
  const directory = await makeBusyboxRoot(join(made.directory, 'provider'), init);
  await copyProgram(process.execPath, directory);
  await copyFile(join(import.meta.dirname, 'provider-program.ts'), join(directory, 'provider-program.ts'));
  const services = [
    { name: 'site', type: 'http', socket: providerSocket },
    { name: 'api', type: 'http', port: providerPort },
    { name: 'echo', type: 'tcp', port: providerPort + 1 },
  ];
  const web = (more: Part = {}): Part => ({
    ...container('web', { directory }, { network: { pool: 'internal' }, ...more }),
    'web/services.json': services,
  });
  return {
    made,
    web,
    state: (ingress: readonly Part[], more: Part = {}) => stateOf(pools, { ingress }, web(more)),
  };
}

/** Resolves once `holds` is true, with how long that took, milliseconds; rejects where it is not so after a while. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<number> {
  const from = performance.now();
  while (!(await holds())) {
    if (performance.now() - from > patienceMs)
      throw new Error(`not so after ${patienceMs / 1000} s: ${what}`);
    await delay(10);
  }
  return Math.round(performance.now() - from);
}

/** The proxy of a device, as whoever comes next finds it; null: none runs. */
export async function proxyOf(made: Device, choice: ProxyName): Promise<ProxyProcess | null> {
  const proxy = await chosenProxy({ choice, root: made.root, after: systemClock().after });
  try {
    return await proxy.observe();
  } finally {
    proxy.close();
  }
}

/** What is answered to a request of this host; 0: nothing listens. Never waits long. */
export async function statusOf(url: string): Promise<number> {
  try {
    const answer = await fetch(url, {
      signal: AbortSignal.timeout(patienceMs),
      headers: { connection: 'close' },
    });
    await answer.arrayBuffer();
    return answer.status;
  } catch (error) {
    const { cause } = error as { readonly cause?: { readonly code?: string } };
    if (cause?.code === 'ECONNREFUSED' || cause?.code === 'ECONNRESET') return 0;
    throw error;
  }
}

/** File systems and sockets that are mounted below the device's root. */
export async function mountsBelow(made: Device, path: string): Promise<readonly string[]> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  return mounts
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => point.startsWith(join(made.root, path)));
}
