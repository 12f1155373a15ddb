import type { Key } from '../../state/resource.ts';
import type { ResourceDescription, ResourceItem } from '../api/contract.ts';
import type { ControllerClient } from './client.ts';
import { CliFailure, exitCodes } from './failure.ts';
import { readSelection, type Selection, selectionQuery } from './kinds.ts';

const describeKey = (client: ControllerClient, key: string): Promise<ResourceDescription> =>
  client.get(`/v1/resources/${encodeURIComponent(key)}`);

/** The one resource that has another name as `selection` says; null where there is none. */
async function byOtherName(client: ControllerClient, selection: Selection): Promise<Key | null> {
  const query = selectionQuery(selection);
  const { items } = await client.get<{ items: readonly ResourceItem[] }>(`/v1/resources?${query}`);
  if (items.length > 1) {
    const names = items.map(({ name }) => `'${name}'`).join(', ');
    throw new CliFailure(
      exitCodes.usage,
      `'${selection.name}' names several ${selection.kind ?? 'resource'}s: ${names}`,
      'give one of them',
    );
  }
  return items[0]?.key ?? null;
}

/** What a person named of a resource: `container web`, `container/web`. Throws a CliFailure where kind or name is missing. */
export function readResourceName(verb: string, kindWord: string, name: string | undefined): Selection {
  const selection = readSelection(kindWord, name);
  if (selection.kind !== undefined && selection.name !== undefined) return selection;
  throw new CliFailure(
    exitCodes.usage,
    `${verb} needs a kind and a name`,
    `as in 'holdfast ${verb} container web'`,
  );
}

/** The resource that is named, by its whole name or by another that it alone has (see namesOf). Throws a CliFailure for none. */
export async function findResource(
  client: ControllerClient,
  selection: Selection,
): Promise<ResourceDescription> {
  const key = `${selection.kind}/${selection.name}`;
  try {
    return await describeKey(client, key);
  } catch (error) {
    if (!(error instanceof CliFailure) || error.exitCode !== exitCodes.notFound) throw error;
    const other = await byOtherName(client, selection);
    if (other === null) throw error;
    return await describeKey(client, other);
  }
}
