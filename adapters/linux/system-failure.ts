/** The kernel, or a file system, has answered with an error number: an error of Node's (`fs`) or a SystemCallError. Others are mistakes of ours. */
export function isSystemFailure(error: unknown): error is Error & { readonly code: unknown } {
  return error instanceof Error && 'code' in error;
}
