import { closeSync, openSync, statSync } from 'node:fs';
import { type MountChangesOptions, whenMountsChange } from './mount-changes.ts';

/**
 * Calls `fire` when something is mounted or unmounted in our own namespace, by whomever, and once when it has begun to listen. Returns what ends it.
 * Throws SystemCallError.
 */
export function whenHostMountsChange(options: Omit<MountChangesOptions, 'mounts'>): () => void {
  const mounts = openSync('/proc/self/mountinfo', 'r');
  try {
    const stop = whenMountsChange({ ...options, mounts });
    return () => {
      stop();
      closeSync(mounts);
    };
  } catch (error) {
    closeSync(mounts);
    throw error;
  }
}

/** A unix socket is at this path of the host. */
export function isSocketAt(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() === true;
}
