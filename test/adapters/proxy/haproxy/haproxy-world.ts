import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../../../../adapters/linux/command.ts';
import { createHaproxy } from '../../../../adapters/proxy/haproxy/haproxy.ts';
import { systemClock } from '../../../../controller/clock.ts';
import type { ProxySubject } from '../../../contract/proxy-stage.ts';

const { after } = systemClock();
const [answerLimitMs, headLimitMs] = [1500, 1500];

/** HAProxy, with limits that a test can wait for. */
export const haproxySubject: ProxySubject = {
  name: 'haproxy',
  answerLimitMs,
  headLimitMs,
  make: async () => {
    const root = mkdtempSync(join(tmpdir(), 'holdfast-haproxy-'));
    const another = () =>
      createHaproxy({ root, after, timeouts: { answerMs: answerLimitMs, headMs: headLimitMs } });
    return { root, proxy: another(), another, dispose: async () => rmSync(root, { recursive: true }) };
  },
};

/** HAProxy is installed on this host. */
export const isInstalled = findProgram('haproxy') !== null;
