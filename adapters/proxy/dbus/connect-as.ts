import { closeSync } from 'node:fs';
import { linkOf, openPath } from '../../linux/open-path.ts';
import { type SystemCalls, unchangedId } from '../../linux/system-calls.ts';
import { unixAddress, unixSocket } from './unix-socket.ts';

/** A user and a group of the host. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

type Calls = Pick<SystemCalls, 'socket' | 'connect' | 'close' | 'setresuid' | 'setresgid'>;

/**
 * Connects to a unix socket so that whoever listens there is told this user and group by the kernel (SO_PEERCRED, unix(7)), and returns the
 * descriptor. What is at the path is looked up with our own rights, and connected to with theirs. Waits for nothing: one who takes no
 * connections for now is EAGAIN. Throws SystemCallError, and what opening the path throws.
 */
export function connectAs(calls: Calls, path: string, identity: Identity): number {
  const place = openPath(path);
  try {
    const socket = unixSocket(calls);
    try {
      const address = unixAddress(linkOf(place));
      as(calls, identity, () => calls.connect(socket, address, address.length));
      return socket;
    } catch (error) {
      calls.close(socket);
      throw error;
    }
  } finally {
    closeSync(place);
  }
}

/**
 * Calls `work` while this thread, and no other, is somebody else (credentials(7)): `work` must be synchronous. Whoever is not root can only be
 * who he is.
 */
function as(calls: Calls, { uid, gid }: Identity, work: () => void): void {
  const [ownUser, ownGroup] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  if (uid === ownUser && ownUser !== 0) {
    work();
    return;
  }
  // The group first: it takes a power that the user goes without.
  calls.setresgid(unchangedId, gid, unchangedId);
  try {
    calls.setresuid(unchangedId, uid, unchangedId);
    work();
  } finally {
    comeBack(calls, { uid: ownUser, gid: ownGroup });
  }
}

function comeBack(calls: Calls, { uid, gid }: Identity): void {
  try {
    calls.setresuid(unchangedId, uid, unchangedId);
    calls.setresgid(unchangedId, gid, unchangedId);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    process.stderr.write(
      `holdfast: can't become root again after connecting as another user, and ends: ${why}\n`,
    );
    // Whatever would be done from here on would be done as that user.
    process.abort();
  }
}
