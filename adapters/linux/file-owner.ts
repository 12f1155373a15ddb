import type { SystemCalls } from './system-calls.ts';

/** Whose a file is that is made, as this host numbers users and groups. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

/** _LINUX_CAPABILITY_VERSION_3 (capget(2)), of the calling thread (0). */
const header = () => Uint32Array.of(0x20080522, 0);

/** CAP_DAC_OVERRIDE (capabilities(7)). */
const overrideModes = 1 << 1;

/** Gives the thread back what the kernel takes from it when its files are those of another user: to write where modes don't let that one. */
function overrideAgain(calls: SystemCalls): void {
  const data = new Uint32Array(6);
  calls.capget(header(), data);
  const [effective = 0, permitted = 0] = data;
  data[0] = effective | (permitted & overrideModes);
  calls.capset(header(), data);
}

function become(calls: SystemCalls, { uid, gid }: FileOwner): void {
  calls.setfsgid(gid);
  calls.setfsuid(uid);
  // They say nothing of whether they did: the second time, they tell what the first has set.
  if (calls.setfsgid(gid) === gid && calls.setfsuid(uid) === uid) return;
  throw new Error(`files can't be made as user ${uid} and group ${gid}; expected CAP_SETUID and CAP_SETGID`);
}

/** Whatever would be made from here on would be another's, and what would be opened, too. */
function goBack(calls: SystemCalls, before: FileOwner): void {
  try {
    become(calls, before);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    process.stderr.write(`holdfast: ends, since it could not become itself again: ${why}\n`);
    process.abort();
  }
}

/**
 * Calls `work`, which must be synchronous, while the files that this thread makes are `owner`'s, with the modes that it says, whatever the umask.
 * A file system of a user namespace takes files of no other users (EOVERFLOW), not even of the host's root. No other thread notices. A process
 * that can't come back is aborted.
 */
export function makingAs<T>(calls: SystemCalls, owner: FileOwner, work: () => T): T {
  const mask = calls.umask(0);
  try {
    return owner.uid === 0 && owner.gid === 0 ? work() : makingAsOther(calls, owner, work);
  } finally {
    calls.umask(mask);
  }
}

function makingAsOther<T>(calls: SystemCalls, owner: FileOwner, work: () => T): T {
  // What is no user's id leaves everything as it is, and tells who it is (setfsuid(2)).
  const nobody = 0xffff_ffff;
  const before = { uid: calls.setfsuid(nobody), gid: calls.setfsgid(nobody) };
  try {
    become(calls, owner);
    overrideAgain(calls);
    return work();
  } finally {
    goBack(calls, before);
  }
}
