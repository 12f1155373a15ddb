import { isJsonObject, type Json } from '../../state/json.ts';

/** The document with one value somewhere in it replaced, in turn by values of every type, or left out. */
export function* variantsOf(document: Json): Generator<Json> {
  const replacements: readonly Json[] = [
    null,
    true,
    0,
    -1,
    1.5,
    99_999,
    '',
    'x',
    'x'.repeat(80),
    [],
    [{}],
    {},
  ];
  yield* replacements;
  if (!isJsonObject(document) && !Array.isArray(document)) return;
  for (const name of Object.keys(document)) {
    const members = document as Readonly<Record<string, Json>>;
    for (const variant of variantsOf(members[name] ?? null)) {
      yield Array.isArray(document)
        ? document.with(Number(name), variant)
        : ({ ...members, [name]: variant } as Json);
    }
    if (isJsonObject(document))
      yield Object.fromEntries(Object.entries(document).filter(([other]) => other !== name));
  }
}
