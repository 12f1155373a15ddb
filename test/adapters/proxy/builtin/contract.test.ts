import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestFn } from 'ava';
import { createBuiltinProxy } from '../../../../adapters/proxy/builtin/builtin-proxy.ts';
import { systemClock } from '../../../../controller/clock.ts';
import { proxyContract } from '../../../contract/proxy-contract.ts';

const limits = { answerMs: 1000, streamMs: 1000, headMs: 1000 };

// One after the other: each starts a process, and some measure time.
proxyContract(test.serial as TestFn, {
  name: 'builtin',
  answerLimitMs: limits.answerMs,
  headLimitMs: limits.headMs,
  make: async () => {
    const root = mkdtempSync(join(tmpdir(), 'holdfast-builtin-'));
    const { after } = systemClock();
    const another = () => createBuiltinProxy({ root, after, limits });
    const beside = () => createBuiltinProxy({ root, directory: 'run/link-proxy', after, limits });
    const dispose = async () => rmSync(root, { recursive: true });
    return { root, proxy: another(), another, beside, dispose };
  },
});
