/** Whoever has no user of the provider (LINK-6): the overflow id of Linux (user_namespaces(7)), nobody of most systems. */
export const unknownUser = 65_534;

/** The highest user id; the one above it stands for none (setresuid(2)). */
const highestUser = 2 ** 32 - 2;

/**
 * The user of a provider whose role it is (LINK-6): the one of that name in its `/etc/passwd` (passwd(5)), whose text is `passwd`; a number is the id
 * itself; else 65534. Of a hostile text, lines that are none are passed over. The first line counts.
 */
export function roleUser(role: string, passwd: string | null): number {
  if (/^\d+$/.test(role)) {
    const id = Number(role);
    return id <= highestUser ? id : unknownUser;
  }
  for (const line of (passwd ?? '').split('\n')) {
    const [name, , id = ''] = line.split(':');
    if (name === role && /^\d{1,10}$/.test(id) && Number(id) <= highestUser) return Number(id);
  }
  return unknownUser;
}
