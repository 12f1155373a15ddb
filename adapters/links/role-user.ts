/** Whoever has no user or group of the provider (LINK-6): the overflow id of Linux (user_namespaces(7)), nobody of most systems. */
export const unknownUser = 65_534;

/** The highest user id; the one above it stands for none (setresuid(2)). */
const highestUser = 2 ** 32 - 2;

/** A user with its group, by their ids. */
export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The user of a provider whose role it is (LINK-6): the one of that name in its `/etc/passwd` (passwd(5)), whose text is `passwd`; a number is the id
 * itself; else 65534. Its group is the one that stands there for the user, else 65534. Of a hostile text, lines that are none are passed over. The
 * first line counts.
 */
export function roleUser(role: string, passwd: string | null): UserIds {
  const isNumber = /^\d+$/.test(role);
  for (const line of (passwd ?? '').split('\n')) {
    const [name, , id = '', group = ''] = line.split(':');
    const uid = idOf(id);
    if (uid === null || (isNumber ? uid !== Number(role) : name !== role)) continue;
    return { uid, gid: idOf(group) ?? unknownUser };
  }
  return { uid: isNumber ? (idOf(role) ?? unknownUser) : unknownUser, gid: unknownUser };
}

function idOf(text: string): number | null {
  return /^\d{1,10}$/.test(text) && Number(text) <= highestUser ? Number(text) : null;
}
