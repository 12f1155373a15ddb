import { createReadStream } from 'node:fs';
import type { ObjectOrigin } from '../source/source.ts';
import type { ControllerClient } from './client.ts';

/** Gives the controller those of `objects` that it lacks. Rejects when a file cannot be read or is not what its name says. */
export async function upload(
  client: ControllerClient,
  objects: ReadonlyMap<string, ObjectOrigin>,
): Promise<void> {
  if (objects.size === 0) return;
  const names = { sha256: [...objects.keys()] };
  const { missing } = await client.send<{ missing: readonly string[] }>('POST', '/v1/objects/missing', names);
  for (const sha256 of missing) {
    const origin = objects.get(sha256);
    if (origin !== undefined) await client.put(sha256, createReadStream(origin.path));
  }
}
