import { readdirSync } from 'node:fs';

/** Names of the entries of a directory; none where it does not exist. Throws what readdir(3) says otherwise. */
export function entriesOf(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
