import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { findProgram } from '../../../../adapters/linux/command.ts';
import { createHaproxy } from '../../../../adapters/proxy/haproxy/haproxy.ts';
import type { ProxyListener } from '../../../../adapters/proxy/proxy.ts';
import { systemClock } from '../../../../controller/clock.ts';
import {
  echo,
  freePort,
  httpOrigin,
  listener,
  type ProxySubject,
  type ProxyWorld,
  route,
} from '../../../contract/proxy-stage.ts';

const { after } = systemClock();
// Providers live in the process of the test, which may be busy for a second with others.
const [answerLimitMs, headLimitMs] = [4000, 1500];

/** HAProxy, with limits that a test can wait for. */
export const haproxySubject: ProxySubject = {
  name: 'haproxy',
  answerLimitMs,
  headLimitMs,
  make: async () => {
    const root = mkdtempSync(join(tmpdir(), 'holdfast-haproxy-'));
    const timeouts = { answerMs: answerLimitMs, headMs: headLimitMs };
    const another = () => createHaproxy({ root, after, timeouts });
    const beside = () => createHaproxy({ root, directory: 'run/link-proxy', after, timeouts });
    const dispose = async () => rmSync(root, { recursive: true });
    return { root, proxy: another(), another, beside, dispose };
  },
};

/** HAProxy is installed on this host. */
export const isInstalled = findProgram('haproxy') !== null;

/** Where HAProxy's files are. */
export const directoryOf = ({ root }: ProxyWorld): string => join(root, 'run/proxy/haproxy');

/** A listener with one route, `web`, to a provider of its own. */
export async function web(t: ExecutionContext, path = '/x'): Promise<ProxyListener> {
  const { backend } = await httpOrigin(t, echo('one'));
  return listener('http', await freePort(), [route('web', backend, { path })]);
}
