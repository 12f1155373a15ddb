import { closeSync, constants, openSync } from 'node:fs';
import { openPath } from './open-path.ts';
import type { SystemCalls } from './system-calls.ts';

const cloneFileSystemState = 0x200;
const cloneNewMountNamespace = 0x20000;

/** What `setns` changes and has to be put back: its manual page says that root and working directory become those of the namespace. */
interface Home {
  readonly namespace: number;
  readonly root: number;
  readonly workingDirectory: number;
}

function openHome(opened: number[]): Home {
  const keep = (descriptor: number): number => {
    opened.push(descriptor);
    return descriptor;
  };
  return {
    namespace: keep(openSync('/proc/thread-self/ns/mnt', constants.O_RDONLY)),
    root: keep(openPath('/')),
    workingDirectory: keep(openPath('.')),
  };
}

/**
 * Enters a namespace. A thread may do so only if it shares its root and working directory with no other (setns(2)), and every thread that
 * Node has started since the last time shares them again.
 */
function enter(calls: SystemCalls, namespace: number): void {
  calls.unshare(cloneFileSystemState);
  calls.setns(namespace, cloneNewMountNamespace);
}

function goHome(calls: SystemCalls, home: Home): void {
  try {
    enter(calls, home.namespace);
    calls.fchdir(home.root);
    calls.chroot('.');
    calls.fchdir(home.workingDirectory);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    process.stderr.write(`holdfast: can't leave the mount namespace of a container, and ends: ${why}\n`);
    // Whatever would be opened from here on would be the container's.
    process.abort();
  }
}

/**
 * Calls `work` while this thread is in another mount namespace, and returns what it returns. Nobody else runs meanwhile: `work` must be
 * synchronous, must start no thread (nothing asynchronous of Node), and must use descriptors alone, no paths: they would be the
 * container's. 20 µs. Afterwards this thread has a root and a working directory of its own: a process that changes these
 * later changes them for the main thread alone. Throws SystemCallError where it may not enter; a process that can't come back is aborted.
 */
export function inMountNamespace<T>(calls: SystemCalls, namespace: number, work: () => T): T {
  const opened: number[] = [];
  try {
    const home = openHome(opened);
    enter(calls, namespace);
    try {
      return work();
    } finally {
      goHome(calls, home);
    }
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}
