import { ArgsDocument } from './args.ts';
import { DeviceDocument } from './device.ts';
import { RunDocument } from './run.ts';
import { ServicesDocument } from './services.ts';
import { SrcDocument } from './src.ts';

const dialect = 'https://json-schema.org/draft/2020-12/schema';

/**
 * File name under `docs/schema/` → what stands in it. This is the source of the published schemas; the controller
 * itself reads the published files (see published.ts).
 */
export const documentSchemas: Readonly<Record<string, object>> = {
  'args.json': { $schema: dialect, ...ArgsDocument },
  'device.json': { $schema: dialect, ...DeviceDocument },
  'run.json': { $schema: dialect, ...RunDocument },
  'services.json': { $schema: dialect, ...ServicesDocument },
  'src.json': { $schema: dialect, ...SrcDocument },
};

/** The text of a published file: indented, so that a change of it can be read. */
export function publishedText(schema: object): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}
