import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBuiltinProxy } from '../../../../adapters/proxy/builtin/builtin-proxy.ts';
import { systemClock } from '../../../../controller/clock.ts';
import type { ProxySubject } from '../../../contract/proxy-stage.ts';

const limits = { answerMs: 1000, streamMs: 1000, headMs: 1000 };

/** The built-in proxy, with limits that a test can wait for. */
export const builtinSubject: ProxySubject = {
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
};
