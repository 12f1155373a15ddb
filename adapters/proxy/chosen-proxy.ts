import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../linux/command.ts';
import type { After } from '../linux/network-monitor.ts';
import type { Proxy as HostProxy } from './proxy.ts';

/** Which proxy carries what the kernel does not; `auto`: HAProxy where it is installed, else the one that comes with Holdfast. */
export type ProxyChoice = 'auto' | HostProxy['name'];

export interface ChosenProxyOptions {
  readonly choice: ProxyChoice;
  /** Of the instance. */
  readonly root: string;
  /** The clock's. */
  readonly after: After;
}

/**
 * The proxy of an instance. One of the other kind that an earlier controller has left running is ended: what it listened at would be taken.
 * Rejects where HAProxy is asked for and not installed. What each kind needs is loaded only when it is needed.
 */
export async function chosenProxy(options: ChosenProxyOptions): Promise<HostProxy> {
  const isInstalled = findProgram('haproxy') !== null;
  if (options.choice === 'haproxy' && !isInstalled) {
    throw new Error(
      'found no program haproxy, which --proxy haproxy asks for; install the package haproxy, or use --proxy builtin',
    );
  }
  const name = options.choice === 'auto' ? (isInstalled ? 'haproxy' : 'builtin') : options.choice;
  await endOther(name === 'haproxy' ? 'builtin' : 'haproxy', options);
  return make(name, options);
}

/** Where none of that kind ever was, there is no directory of it, and nothing of it is loaded. */
async function endOther(name: HostProxy['name'], options: ChosenProxyOptions): Promise<void> {
  if (!existsSync(join(options.root, 'run/proxy', name))) return;
  const other = await make(name, options);
  await other.serve([]);
  other.close();
}

async function make(name: HostProxy['name'], { root, after }: ChosenProxyOptions): Promise<HostProxy> {
  if (name === 'haproxy') {
    const { createHaproxy } = await import('./haproxy/haproxy.ts');
    return createHaproxy({ root, after });
  }
  const { createBuiltinProxy } = await import('./builtin/builtin-proxy.ts');
  return createBuiltinProxy({ root, after });
}
