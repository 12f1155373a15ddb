/** Writes the JSON Schema files under docs/schema/ anew. Run after a change of state/schema/. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { documentSchemas, publishedText } from '../state/schema/documents.ts';

const directory = new URL('../docs/schema/', import.meta.url);

mkdirSync(directory, { recursive: true });
for (const [name, schema] of Object.entries(documentSchemas)) {
  writeFileSync(new URL(name, directory), publishedText(schema));
}
