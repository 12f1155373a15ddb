import type { ContainerSpec } from '../../state/resource.ts';
import { readIfThere } from '../linux/read-if-there.ts';
import { writeAtomically } from '../linux/write-atomically.ts';

/**
 * What a container was made from, kept beside its LXC configuration and written before it: whatever exists of a
 * container of ours is known after a crash. `instance` is our mark (ENG-4).
 */
export interface ContainerRecord {
  readonly instance: string;
  readonly digest: string;
  readonly spec: ContainerSpec;
}

export function writeContainerRecord(path: string, record: ContainerRecord): void {
  writeAtomically(path, JSON.stringify(record), 0o600);
}

/**
 * The record at `path`. Null: there is none, or it has another instance's mark. `torn`: our file, and no record in it: a
 * power cut came between its writing and the disk, so that the container can't run. Throws where it can't be read.
 */
export function readContainerRecord(path: string, instance: string): ContainerRecord | 'torn' | null {
  const text = readIfThere(path);
  if (text === null) return null;
  try {
    const record = JSON.parse(text) as ContainerRecord;
    return record.instance === instance ? record : null;
  } catch {
    return 'torn';
  }
}
