import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { holdfast } from '../tools/controller.ts';
import { inDirectory, withController } from './bench-directory.ts';
import { inTurns, type Reading, reading, timed } from './measure.ts';
import { twoPools } from './revisions.ts';
import { succeed } from './run.ts';

/** How quickly the command line answers, from its start to its end, with a small revision in place. */
export function commandLine(): Promise<readonly Reading[]> {
  return inDirectory((directory) =>
    withController({ adapter: 'memory', root: join(directory, 'root') }, async (controller) => {
      const revision = join(directory, 'revision.json');
      writeFileSync(revision, JSON.stringify(twoPools(4, 'dir:/srv/root')));
      await succeed(holdfast(controller, 'apply', revision, '--wait', '10'));
      const get = holdfast(controller, 'get', 'all');
      const bare = { program: process.execPath, arguments: ['-e', '0'] };
      await succeed(get);
      const runs = [get, bare].map((command) => () => timed(() => succeed(command)));
      const [answer = 0, nothing = 0] = await inTurns(31, runs);
      const peer = { name: 'node -e 0', value: nothing };
      const limit = { of: 'ratio', atMost: 2.5 } as const;
      return [reading({ name: 'holdfast get all, end to end', unit: 'ms', peer, limit }, answer)];
    }),
  );
}
