import type { ResourceCounts } from '../../api/contract.ts';
import { count } from './text.ts';

/** `3 of 5 resources ready, 1 waiting, 1 failed`. */
export function countsText(counts: ResourceCounts): string {
  const total = counts.ready + counts.waiting + counts.blocked + counts.failed;
  if (total === 0) return 'nothing is wanted and nothing is there';
  if (counts.ready === total)
    return total === 1 ? 'its resource is ready' : `all ${total} resources are ready`;
  const others = (['waiting', 'blocked', 'failed'] as const)
    .filter((name) => counts[name] > 0)
    .map((name) => `, ${counts[name]} ${name}`);
  return `${counts.ready} of ${count(total, 'resource')} ready${others.join('')}`;
}
