/** A JSON pointer (RFC 6901) to `path` from the root of a document: `['a/b', 0]` is `/a~1b/0`, `[]` is ``. */
export function pointerTo(...path: readonly (string | number)[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** The reference tokens of a JSON pointer, unescaped. Throws a RangeError when it does not start with `/`. */
export function pointerParts(pointer: string): readonly string[] {
  if (pointer === '') return [];
  if (!pointer.startsWith('/')) {
    throw new RangeError(
      `found JSON pointer '${pointer}', expected one that is empty or starts with '/' (RFC 6901)`,
    );
  }
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}
