import { resolve } from 'node:path';
import type { RunOptions } from '../../options.ts';
import type { Context, SocketOption } from '../context.ts';
import { orCannotStart } from '../failure.ts';
import { rootPath, socketPath } from '../socket-path.ts';

/** Options of `run` as they stand on the command line. */
export interface RunVerbOptions extends SocketOption {
  readonly adapter: RunOptions['adapter'];
  readonly root?: string;
  readonly source?: string;
  readonly record?: string;
  readonly logLevel?: string;
  /** Seconds. */
  readonly commitAfter?: number;
  readonly rebootCommand?: readonly string[];
}

/** Runs the controller until a signal. Loads the controller only now: no other verb needs it. */
export async function run(options: RunVerbOptions, { env, uid }: Context): Promise<number> {
  const { adapter, root, socket, source, record, logLevel, commitAfter, rebootCommand } = options;
  const { runController } = await import('../../main.ts');
  const runOptions: RunOptions = {
    adapter,
    root: rootPath(root, env, uid),
    socket: socketPath(socket, env, uid),
    ...(source === undefined ? {} : { source: resolve(source) }),
    ...(record === undefined ? {} : { record: resolve(record) }),
    ...(logLevel === undefined ? {} : { logLevel }),
    ...(rebootCommand === undefined ? {} : { rebootCommand }),
    ...(commitAfter === undefined ? {} : { commitAfterSeconds: commitAfter }),
  };
  return orCannotStart(() => runController(runOptions));
}
