import args from '../../docs/schema/args.json' with { type: 'json' };
import device from '../../docs/schema/device.json' with { type: 'json' };
import run from '../../docs/schema/run.json' with { type: 'json' };
import services from '../../docs/schema/services.json' with { type: 'json' };
import src from '../../docs/schema/src.json' with { type: 'json' };
import type { DocumentSchema } from './check.ts';

/**
 * The schemas as they are published for editors, so that the controller and an editor can never disagree. Reading them
 * also spares every process the library that they are written with: about 130 ms of start-up on a small machine. A test
 * holds the files equal to what that library generates.
 */
export const publishedSchemas: Readonly<
  Record<'args' | 'device' | 'run' | 'services' | 'src', DocumentSchema>
> = { args, device, run, services, src };
