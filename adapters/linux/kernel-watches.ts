import { DirectoryWatches } from './directory-watches.ts';
import { Readiness } from './readiness.ts';
import { loadSystemCalls, type SystemCalls } from './system-calls.ts';

/** System calls, with what waits for the kernel: one of each for all containers. */
export interface KernelWatches {
  readonly calls: SystemCalls;
  readonly readiness: Readiness;
  readonly directories: DirectoryWatches;
  close(): void;
}

/** Rejects with SystemCallsUnavailable or SystemCallError. */
export async function openKernelWatches(overflowed: () => void): Promise<KernelWatches> {
  const calls = await loadSystemCalls();
  const readiness = new Readiness(calls);
  try {
    const directories = new DirectoryWatches(calls, readiness, overflowed);
    const close = () => {
      directories.close();
      readiness.close();
    };
    return { calls, readiness, directories, close };
  } catch (error) {
    readiness.close();
    throw error;
  }
}
