import packageJson from '../../../package.json' with { type: 'json' };
import { type Context, clientFor, type SocketOption } from '../context.ts';
import { CliFailure, exitCodes } from '../failure.ts';
import { json } from '../render/text.ts';

/** What a controller says of itself. */
interface ControllerVersion {
  readonly version: string;
  readonly api: string;
  readonly adapter: string;
  readonly pid: number;
}

/** Shows the version of this program, of its Node, and of the controller where one answers; none is no error. */
export async function version(
  options: SocketOption & { readonly output: 'text' | 'json' },
  context: Context,
): Promise<number> {
  let controller: ControllerVersion | null = null;
  let absence = '';
  try {
    using client = clientFor(options, context);
    controller = await client.get<ControllerVersion>('/v1/version');
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    absence = error.message;
  }
  const own = packageJson.version;
  if (options.output === 'json') {
    context.terminal.out(json({ version: own, node: process.versions.node, controller }));
  } else {
    const other =
      controller === null
        ? absence
        : `controller ${controller.version} (api ${controller.api}, adapter ${controller.adapter}, pid ${controller.pid})`;
    context.terminal.out(`holdfast ${own} (node ${process.versions.node})\n${other}\n`);
  }
  return exitCodes.ok;
}
