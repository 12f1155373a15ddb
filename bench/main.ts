import { allocator } from './allocator.ts';
import type { Reading } from './measure.ts';

/**
 * `npm run bench [-- NAME…]`: measures what is asked for, or everything, and prints one JSON object a line. What a
 * benchmark needs that this machine lacks is said on standard error. Exits 1 when a limit is not kept.
 */

const benchmarks: Readonly<Record<string, () => Promise<readonly Reading[]>>> = { allocator };

async function main(asked: readonly string[]): Promise<number> {
  const unknown = asked.filter((name) => benchmarks[name] === undefined);
  if (unknown.length > 0) {
    process.stderr.write(
      `found ${unknown.join(', ')}, expected some of ${Object.keys(benchmarks).join(', ')}\n`,
    );
    return 64;
  }
  let kept = true;
  for (const [name, run] of Object.entries(benchmarks)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    for (const result of await run()) {
      kept &&= result.ok !== false;
      process.stdout.write(`${JSON.stringify(result)}\n`);
    }
  }
  return kept ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
