import { ContainerHandle, NoContainer } from '../linux/container-handle.ts';
import { hostIdOf, idMapsOf } from '../linux/id-map.ts';
import { PathRefused } from '../linux/open-in-root.ts';
import { readInRoot } from '../linux/read-in-root.ts';
import { loadSystemCalls } from '../linux/system-calls.ts';
import { StepConflict } from '../step-refusal.ts';
import type { RoleUser } from './link-making.ts';
import type { RunningContainer } from './link-record.ts';
import { roleUser, unknownUser } from './role-user.ts';

/** A file with some 10,000 users. */
const longestPasswdBytes = 1024 * 1024;

/** The container's init has this process id at this moment: asked while that process is held. */
export type IsInit = (container: string, pid: number) => boolean;

/**
 * Who a role is at a provider (LINK-6), by its `/etc/passwd` as it is now, which is read as everything of a container is. Rejects with NoContainer where
 * the provider has ended, and with a StepConflict where that user is none of the host's, or that file is none.
 */
export async function providerUser(
  provider: RunningContainer,
  role: string,
  isInit: IsInit,
): Promise<RoleUser> {
  const calls = await loadSystemCalls();
  const handle = new ContainerHandle(provider.pid);
  try {
    if (!isInit(provider.name, provider.pid) || !handle.isThere)
      throw new NoContainer(
        `process ${provider.pid} is not the init of container '${provider.name}' any more`,
      );
    const { uid: claimedUid, gid: claimedGid } = roleUser(role, readPasswd({ calls, handle }, provider));
    const { users, groups } = idMapsOf(handle);
    const uid = hostIdOf(users, claimedUid);
    const gid = hostIdOf(groups, claimedGid) ?? unknownUser;
    if (uid !== null) return { uid, gid, claimedUid };
    const message = `role '${role}' is user ${claimedUid} of container '${provider.name}', which has no such user by its lxc.idmap; expected one that it has`;
    throw new StepConflict({ code: 'LinkSourceRefused', message });
  } finally {
    handle.close();
  }
}

function readPasswd(
  reach: Pick<Parameters<typeof readInRoot>[0], 'calls' | 'handle'>,
  { name }: RunningContainer,
): string | null {
  try {
    return readInRoot({ ...reach, path: '/etc/passwd', limitBytes: longestPasswdBytes });
  } catch (error) {
    if (!(error instanceof PathRefused)) throw error;
    const message = `who a role is can't be told of container '${name}': ${error.message}`;
    throw new StepConflict({ code: 'LinkSourceRefused', message });
  }
}
