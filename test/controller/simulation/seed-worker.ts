import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { plant } from './planted-bugs.ts';
import type { SeedRequest, SeedResult, WorkerTask } from './seed-pool.ts';
import { simulateSeed } from './simulation.ts';

/** A thread that runs the seeds that it is sent, one by one, in a world of its own: a bug that is planted here is nowhere else. */
const port = parentPort;
if (port === null) throw new Error('seed-worker.ts is for worker threads: start it with runSeeds');

const { planted } = workerData as WorkerTask;
if (planted !== null) plant(planted);

async function answer({ seed }: SeedRequest): Promise<SeedResult> {
  const { trace, problems } = await simulateSeed(seed);
  const digest = createHash('sha256')
    .update(`${seed}\n${trace.join('\n')}`)
    .digest('hex')
    .slice(0, 16);
  return { seed, digest, problems: problems.slice(0, 5) };
}

port.on('message', async (request: SeedRequest) => port.postMessage(await answer(request)));
