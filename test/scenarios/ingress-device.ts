import { copyFile } from 'node:fs/promises';
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

/** While this file is in the container, the service is not started again. */
const pause = '/run/app/pause';

/** Runs the service again and again: it may fail without the container. */
const init = `mkdir -p /run/app
trap 'exit 0' TERM
while :; do
  while [ -e ${pause} ]; do sleep 0.05; done
  ${process.execPath} /provider-program.ts ${providerSocket} ${providerPort} & wait $!
done`;

/** Kills the service in its container, which goes on without one until `startService`. */
export async function killService(made: Device): Promise<void> {
  const script = `touch ${pause} && kill -9 $(busybox pidof node)`;
  const { code, stderr } = await made.inside('web', 'sh', '-c', script);
  if (code !== 0) throw new Error(`the service could not be killed: ${stderr}`);
}

/** Has the service started again, which makes its socket anew. */
export async function startService(made: Device): Promise<void> {
  await made.inside('web', 'rm', pause);
}

/** With NAT, so that IPv4 forwarding, which is never switched off again, is on before there is any ingress. */
export const pools = { internal: { bridge: 'pvbr0', subnet: '10.0.5.0/24', nat: true } };

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
