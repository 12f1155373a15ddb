import { resolve } from 'node:path';
import type { RunOptions } from '../../options.ts';
import type { Context, SocketOption } from '../context.ts';
import { CliFailure, exitCodes, orCannotStart } from '../failure.ts';
import { rootPath, socketPath } from '../socket-path.ts';

/** Options of `run` as they stand on the command line. */
export interface RunVerbOptions extends SocketOption {
  readonly adapter: RunOptions['adapter'];
  readonly proxy: RunOptions['proxy'];
  readonly serve?: true;
  readonly root?: string;
  readonly source?: string;
  readonly record?: string;
  readonly logLevel?: string;
  /** Seconds. */
  readonly commitAfter?: number;
  readonly rebootCommand?: readonly string[];
}

/** Throws a CliFailure for options that mean nothing together: nobody is to believe that something is served which is not. */
function refuseNonsense({ adapter, proxy, serve }: RunVerbOptions): void {
  if (serve === true && adapter !== 'memory') {
    throw new CliFailure(
      exitCodes.usage,
      `found --serve with --adapter ${adapter}, expected --adapter memory: containers that are real answer for themselves`,
    );
  }
  if (proxy !== 'auto' && adapter === 'memory' && serve !== true) {
    throw new CliFailure(
      exitCodes.usage,
      `found --proxy ${proxy} with --adapter memory, of which nothing listens`,
      'add --serve to have it listen',
    );
  }
}

/** Runs the controller until a signal. Loads the controller only now: no other verb needs it. */
export async function run(options: RunVerbOptions, { env, uid }: Context): Promise<number> {
  refuseNonsense(options);
  const {
    adapter,
    proxy,
    serve = false,
    root,
    socket,
    source,
    record,
    logLevel,
    commitAfter,
    rebootCommand,
  } = options;
  const { runController } = await import('../../main.ts');
  const runOptions: RunOptions = {
    adapter,
    proxy,
    serve,
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
