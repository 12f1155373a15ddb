import type { GraphLink } from '../../api/contract.ts';
import { type Context, clientFor, type SocketOption } from '../context.ts';
import { exitCodes } from '../failure.ts';
import { dotText, graphTable, mermaidText } from '../render/graph-text.ts';
import { json } from '../render/text.ts';

/** Options of `graph`. */
export interface GraphOptions extends SocketOption {
  readonly output: 'table' | 'json' | 'dot' | 'mermaid';
}

/** Shows who is connected to what (LINK-9). */
export async function graph(options: GraphOptions, context: Context): Promise<number> {
  const { terminal } = context;
  using client = clientFor(options, context);
  const links = await client.get<readonly GraphLink[]>('/v1/graph');
  switch (options.output) {
    case 'json':
      terminal.out(json(links));
      break;
    case 'dot':
      terminal.out(dotText(links));
      break;
    case 'mermaid':
      terminal.out(mermaidText(links));
      break;
    case 'table':
      if (links.length === 0) terminal.err('nothing is connected\n');
      else terminal.out(graphTable(links, terminal));
  }
  return exitCodes.ok;
}
