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
  /** Below `root`: an instance that has two proxies gives them different ones, so that neither knows of the other. Absent: `run/proxy`. */
  readonly directory?: string;
  /** The clock's. */
  readonly after: After;
}

/** Where proxies of an instance live, unless somebody says otherwise. */
const usualDirectory = 'run/proxy';

/**
 * A proxy of an instance. One of the other kind that an earlier controller has left running is ended there: what it listened at would be taken.
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
  if (!existsSync(join(options.root, options.directory ?? usualDirectory, name))) return;
  const other = await make(name, options);
  await other.serve([]);
  other.close();
}

async function make(
  name: HostProxy['name'],
  { root, directory = usualDirectory, after }: ChosenProxyOptions,
): Promise<HostProxy> {
  if (name === 'haproxy') {
    const { createHaproxy } = await import('./haproxy/haproxy.ts');
    return createHaproxy({ root, directory, after });
  }
  const { createBuiltinProxy } = await import('./builtin/builtin-proxy.ts');
  return createBuiltinProxy({ root, directory, after });
}
