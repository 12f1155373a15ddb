import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { findProgram } from '../../../../adapters/linux/command.ts';
import { createHaproxy } from '../../../../adapters/proxy/haproxy/haproxy.ts';
import { systemClock } from '../../../../controller/clock.ts';
import { proxyContract } from '../../../contract/proxy-contract.ts';

const { after } = systemClock();
const limits = { answerLimitMs: 1500, headLimitMs: 1500 };

if (findProgram('haproxy') === null) {
  test.skip('haproxy is not installed here', () => undefined);
} else {
  proxyContract(test, {
    name: 'haproxy',
    ...limits,
    make: async () => {
      const root = mkdtempSync(join(tmpdir(), 'holdfast-haproxy-'));
      const timeouts = { answerMs: limits.answerLimitMs, headMs: limits.headLimitMs };
      const another = () => createHaproxy({ root, after, timeouts });
      return {
        root,
        proxy: another(),
        another,
        dispose: async () => rmSync(root, { recursive: true }),
      };
    },
  });
}
