import type { ResourceItem } from '../../controller/api/contract.ts';
import { askJson, type RunningController } from '../controller.ts';
import type { ExamplePorts } from './example.ts';
import type { Stage } from './stage.ts';

/** What the demo is told about. */
export interface Story {
  readonly stage: Stage;
  readonly controller: RunningController;
  /** Directory of the first revision. */
  readonly example: string;
  /** Where its rules of ingress listen. */
  readonly ports: ExamplePorts;
  /** Containers, bridges and rules are real: they can be looked at with other tools than ours. */
  readonly real: boolean;
}

/** How long a verb of the demo waits for the end of a trial, as a word of the command line. */
export const waitSeconds = '60';

/** What a verb lists of one kind. */
export async function items({ controller }: Story, kind: string): Promise<readonly ResourceItem[]> {
  return (await askJson<{ items: readonly ResourceItem[] }>(controller, 'get', kind)).items;
}

/** `container address mac` of every lease, sorted. */
export async function leases(story: Story): Promise<readonly string[]> {
  const all = await items(story, 'leases');
  return all
    .map(({ spec }) => spec as { container: string; address: string; mac: string })
    .map(({ container, address, mac }) => `${container} ${address} ${mac}`)
    .sort();
}

/** Container → process id of its init, of those that run. */
export async function pids(story: Story): Promise<Readonly<Record<string, number>>> {
  const all = await items(story, 'containers');
  return Object.fromEntries(
    all.map(({ name, observed }) => [name, (observed as { facts: { pid: number } }).facts.pid]),
  );
}

/** A command inside a container, in its own root. */
export function inside({ controller }: Story, container: string, ...words: readonly string[]) {
  return {
    program: 'lxc-attach',
    arguments: ['-P', `${controller.root}/lxc`, '-n', container, '--', ...words],
  };
}

/** Claims that the client reaches the server by a name, having tried. */
export async function connected(story: Story, hostname: string): Promise<void> {
  const { stage } = story;
  await stage.show(inside(story, 'client', 'ping', '-c', '1', hostname));
  const page = await stage.show(inside(story, 'client', 'wget', '-q', '-O', '-', `http://${hostname}:8080/`));
  stage.claim(
    `the client reaches the server by name, '${hostname}'`,
    page.output === 'hello from the server',
    page.output,
  );
}
