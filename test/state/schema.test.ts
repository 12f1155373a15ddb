import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { Compile } from 'typebox/compile';
import { acceptable } from '../../state/finding.ts';
import type { Json } from '../../state/json.ts';
import { checkShape, type DocumentSchema } from '../../state/schema/check.ts';
import { documentSchemas, publishedText } from '../../state/schema/documents.ts';
import { publishedSchemas } from '../../state/schema/published.ts';
import { variantsOf } from './variants.ts';

const published = new URL('../../docs/schema/', import.meta.url);
const badRevisions = new URL('../revisions/bad/', import.meta.url);

test('the published schemas are what the code generates: `node tools/write-schemas.ts` writes them anew', (t) => {
  t.deepEqual(readdirSync(published).sort(), Object.keys(documentSchemas).sort());
  for (const [name, schema] of Object.entries(documentSchemas)) {
    t.is(readFileSync(new URL(name, published), 'utf8'), publishedText(schema), name);
  }
});

const checkedKeywords = new Set([
  'type',
  'enum',
  'const',
  'anyOf',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'items',
  'maxItems',
  'maxProperties',
  'properties',
  'patternProperties',
  'additionalProperties',
  'required',
]);
const annotations = new Set(['$schema', '$id', 'title', 'description', 'default']);

/** Every schema inside `schema`, itself included. */
function schemasIn(schema: DocumentSchema): readonly DocumentSchema[] {
  const inner = [
    ...(schema.anyOf ?? []),
    ...(schema.items === undefined ? [] : [schema.items]),
    ...Object.values(schema.properties ?? {}),
    ...Object.values(schema.patternProperties ?? {}),
  ];
  return [schema, ...inner.flatMap(schemasIn)];
}

for (const [kind, schema] of Object.entries(publishedSchemas)) {
  test(`every keyword of the schema of ${kind}.json is one that is checked`, (t) => {
    const keywords = new Set(schemasIn(schema).flatMap((inner) => Object.keys(inner)));
    for (const keyword of keywords) t.true(checkedKeywords.has(keyword) || annotations.has(keyword), keyword);
  });

  test(`everything in ${kind}.json that may be found wrong says what was expected`, (t) => {
    for (const inner of schemasIn(schema)) {
      t.true(
        Object.keys(inner).length === 0 || inner.description !== undefined,
        JSON.stringify(inner).slice(0, 80),
      );
    }
  });
}

/** Documents of the bad revisions, by their kind: good and bad ones, as people would write them. */
function documentsOf(kind: string): readonly Json[] {
  return readdirSync(badRevisions).flatMap((file) => {
    const { state = {} } = JSON.parse(readFileSync(new URL(file, badRevisions), 'utf8'));
    return Object.entries(state as Record<string, Json>).flatMap(([path, document]) =>
      path === `${kind}.json` || path.endsWith(`/${kind}.json`) ? [document] : [],
    );
  });
}

/** The schema with its objects open: members that a schema does not know are warnings, not errors. */
function opened(schema: DocumentSchema): DocumentSchema {
  return JSON.parse(
    JSON.stringify(schema).replaceAll('"additionalProperties":false', '"additionalProperties":true'),
  );
}

for (const [kind, schema] of Object.entries(publishedSchemas)) {
  test(`[REV-6] the verdict on ${kind}.json is that of a JSON Schema validator, unknown members left aside`, (t) => {
    const validator = Compile(opened(schema));
    const samples: readonly Json[] = [
      ...documentsOf(kind),
      { services: [{ name: 'a', type: 'tcp', port: 80 }] },
    ];
    const verdicts = new Set<boolean>();
    for (const sample of samples) {
      for (const document of [sample, ...variantsOf(sample)]) {
        const verdict = acceptable(checkShape(schema, document, [`${kind}.json`]));
        verdicts.add(verdict);
        t.is(verdict, validator.Check(document), JSON.stringify(document));
      }
    }
    t.is(verdicts.size, 2);
  });
}
