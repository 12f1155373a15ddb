import { resolve } from 'node:path';
import { defaultRoot } from '../options.ts';
import { CliFailure, exitCodes } from './failure.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Absolute path of the control socket: what was asked for, else HOLDFAST_SOCKET, else the place where a controller of
 * this user has it (the XDG base directory specification for all but root).
 */
export function socketPath(asked: string | undefined, env: Environment, uid: number): string {
  const named = asked ?? (env.HOLDFAST_SOCKET || undefined);
  if (named !== undefined) return resolve(named);
  if (uid === 0) return '/run/holdfast/control.sock';
  if (env.XDG_RUNTIME_DIR) return `${env.XDG_RUNTIME_DIR}/holdfast/control.sock`;
  throw new CliFailure(
    exitCodes.usage,
    'XDG_RUNTIME_DIR is not set, so that the place of the control socket is not known',
    'name it with --socket PATH or HOLDFAST_SOCKET',
  );
}

/** Absolute path of the directory under which a controller keeps everything, by the same rules. */
export function rootPath(asked: string | undefined, env: Environment, uid: number): string {
  if (asked !== undefined) return resolve(asked);
  if (uid === 0) return defaultRoot;
  if (env.XDG_STATE_HOME) return `${env.XDG_STATE_HOME}/holdfast`;
  if (env.HOME) return `${env.HOME}/.local/state/holdfast`;
  throw new CliFailure(
    exitCodes.usage,
    'neither XDG_STATE_HOME nor HOME is set, so that there is no place to keep anything',
    'name one with --root DIR',
  );
}
