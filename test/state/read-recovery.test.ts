import test from 'ava';
import type { Json } from '../../state/json.ts';
import { mergeRecovery, readRecovery } from '../../state/read-recovery.ts';
import type { Recovery } from '../../state/resource.ts';

const never = Number.MAX_SAFE_INTEGER;

const readings: readonly (readonly [document: Json | undefined, said: Partial<Recovery> | null])[] = [
  [undefined, null],
  [null, null],
  ['always', null],
  [{}, null],
  [{ policy: 'sometimes' }, null],
  [{ backoff_policy: 'reboot' }, null],
  [{ policy: 'unless-stopped' }, { policy: 'unless-stopped' }],
  [{ max_retries: 5 }, { maxRetries: 5 }],
  [{ max_retries: 0 }, { maxRetries: null }],
  [{ retry_delay: 1.5 }, { retryDelayMs: 1500 }],
  [{ retry_delay: 0.0001 }, { retryDelayMs: 0 }],
  [{ backoff_factor: 2.5 }, { backoffFactor: 2.5 }],
  [{ reset_window: 300 }, { resetWindowMs: 300_000 }],
  [{ reset_window: 0 }, { resetWindowMs: never }],
  [{ stable_timeout: 0 }, { stableTimeoutMs: 0 }],
  [
    { policy: 'on-failure', max_retries: 5, retry_delay: 5, backoff_factor: 2, stable_timeout: 30 },
    { policy: 'on-failure', maxRetries: 5, retryDelayMs: 5000, backoffFactor: 2, stableTimeoutMs: 30_000 },
  ],
];

for (const [document, said] of readings) {
  test(`[CTR-8] auto_recovery ${JSON.stringify(document)} says ${JSON.stringify(said)}`, (t) => {
    t.deepEqual(readRecovery(document), said);
  });
}

test('[CTR-8] where neither a container nor its group says anything, there is nothing to merge', (t) => {
  t.is(mergeRecovery(null, null), null);
});

test('[CTR-8] what is left out is as Pantavisor has it: no restart, no limit, no delay, no growth, never forgotten', (t) => {
  t.deepEqual(mergeRecovery({ stableTimeoutMs: 10 }, null), {
    policy: 'no',
    maxRetries: null,
    retryDelayMs: 0,
    backoffFactor: 1,
    resetWindowMs: never,
    stableTimeoutMs: 10,
  });
});

test('[CTR-8] what a container says stands over what its group says, field by field', (t) => {
  const group = { policy: 'on-failure', maxRetries: 5, retryDelayMs: 5000 } as const;
  t.like(mergeRecovery(null, group), group);
  t.like(mergeRecovery({ maxRetries: null, backoffFactor: 3 }, group), {
    policy: 'on-failure',
    maxRetries: null,
    retryDelayMs: 5000,
    backoffFactor: 3,
  });
});
