import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ControllerClient } from '../../../controller/cli/client.ts';
import { CliFailure } from '../../../controller/cli/failure.ts';
import { upload } from '../../../controller/cli/upload.ts';
import { served } from '../served.ts';

test('[REV-2] an object that is not what its name says is told with the file that it was read from', async (t) => {
  const { service, socket } = await served(t);
  const directory = await mkdtemp(join(tmpdir(), 'upload-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const path = join(directory, 'root.squashfs');
  await writeFile(path, 'as it is now');
  using client = new ControllerClient(socket);
  const asItWas = '0'.repeat(64);
  const failure = await t.throwsAsync(upload(client, new Map([[asItWas, { path, size: 12 }]])), {
    instanceOf: CliFailure,
  });
  t.is(failure.exitCode, 3);
  t.true(failure.message.startsWith(`${path}: found content with sha256 `), failure.message);
  t.regex(failure.hint ?? '', /did it change while it was read\?/);
  t.is(service.objects.size, 0);
});
