import test from 'ava';
import { backoffMs, defaultBackoff } from '../../controller/backoff.ts';

test('[ENG-3] delays double from 100 ms and end at 60 s', (t) => {
  const steady = { ...defaultBackoff, jitter: 0 };
  const delays = [1, 2, 3, 10, 11, 1000].map((attempt) => backoffMs(steady, 'seed', 'pool/a', attempt));
  t.deepEqual(delays, [100, 200, 400, 51_200, 60_000, 60_000]);
});

test('[ENG-3] jitter takes off at most its share, differs between resources, and is the same in replay', (t) => {
  const delays = Array.from({ length: 50 }, (_, index) =>
    backoffMs(defaultBackoff, 'seed', `pool/${index}`, 5),
  );
  t.true(delays.every((delay) => delay > 1279 && delay <= 1600));
  t.true(new Set(delays).size > 25);
  const again = Array.from({ length: 50 }, (_, index) =>
    backoffMs(defaultBackoff, 'seed', `pool/${index}`, 5),
  );
  t.deepEqual(again, delays);
});
