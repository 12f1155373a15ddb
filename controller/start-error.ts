/** The controller can't start, or a plan can't be made, as things are here: not a mistake of Holdfast's own. */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly code = 'CannotStart';
}

/**
 * True for errors that tell of the surroundings: our typed ones (database, directories, socket, programs) and the system's
 * (`EACCES`, `ENOSPC`). All of them have a code, which a mistake in a program has not.
 */
export function tellsOfSurroundings(error: unknown): error is Error & { readonly code: string } {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    !error.code.startsWith('ERR_')
  );
}
