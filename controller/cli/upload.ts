import { createReadStream } from 'node:fs';
import type { ObjectOrigin } from '../source/source.ts';
import type { ControllerClient } from './client.ts';
import { CliFailure, exitCodes } from './failure.ts';

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
    if (origin !== undefined) await uploadOne(client, sha256, origin.path);
  }
}

/** The controller knows an object by its digest alone: whatever it says of one, the file is what a person looks for. */
async function uploadOne(client: ControllerClient, sha256: string, path: string): Promise<void> {
  try {
    await client.put(sha256, createReadStream(path));
  } catch (error) {
    if (!(error instanceof CliFailure) || error.exitCode !== exitCodes.invalid) throw error;
    const hint = 'did it change while it was read? Look at the file, then try again';
    throw new CliFailure(error.exitCode, `${path}: ${error.message}`, error.hint ?? hint);
  }
}
