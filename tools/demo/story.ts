import { existsSync } from 'node:fs';
import type { ResourceDescription, ResourceItem, RevisionOutcome } from '../../controller/api/contract.ts';
import type { EventRecord } from '../../state/status.ts';
import { askJson, holdfast, type RunningController } from '../controller.ts';
import { followEvents } from './events.ts';
import type { Stage } from './stage.ts';

/** What the demo is told about. */
export interface Story {
  readonly stage: Stage;
  readonly controller: RunningController;
  /** Directory of the first revision. */
  readonly example: string;
  /** File with the second, as a JSON patch. */
  readonly second: string;
  /** Containers, bridges and rules are real: they can be looked at with other tools than ours. */
  readonly real: boolean;
}

const waitSeconds = '60';

async function items({ controller }: Story, kind: string): Promise<readonly ResourceItem[]> {
  return (await askJson<{ items: readonly ResourceItem[] }>(controller, 'get', kind)).items;
}

/** `container address mac` of every lease, sorted. */
async function leases(story: Story): Promise<readonly string[]> {
  const all = await items(story, 'leases');
  return all
    .map(({ spec }) => spec as { container: string; address: string; mac: string })
    .map(({ container, address, mac }) => `${container} ${address} ${mac}`)
    .sort();
}

/** Container → process id of its init, of those that run. */
async function pids(story: Story): Promise<Readonly<Record<string, number>>> {
  const all = await items(story, 'containers');
  return Object.fromEntries(
    all.map(({ name, observed }) => [name, (observed as { facts: { pid: number } }).facts.pid]),
  );
}

/** A command inside a container, in its own root. */
function inside({ controller }: Story, container: string, ...words: readonly string[]) {
  return {
    program: 'lxc-attach',
    arguments: ['-P', `${controller.root}/lxc`, '-n', container, '--', ...words],
  };
}

async function connected(story: Story, hostname: string): Promise<void> {
  const { stage } = story;
  await stage.show(inside(story, 'client', 'ping', '-c', '1', hostname));
  const page = await stage.show(inside(story, 'client', 'wget', '-q', '-O', '-', `http://${hostname}:8080/`));
  stage.claim(
    `the client reaches the server by name, '${hostname}'`,
    page.output === 'hello from the server',
    page.output,
  );
}

async function firstRevision(story: Story): Promise<void> {
  const { stage, controller, example } = story;
  stage.heading('A revision goes in: one pool, a server and a client');
  await stage.show(holdfast(controller, 'validate', example));
  await stage.show(holdfast(controller, 'plan', example), 2);
  await stage.show(holdfast(controller, 'apply', example, '--wait', waitSeconds));
  stage.heading('Its containers run, with the addresses of their order');
  await stage.show(holdfast(controller, 'get', 'leases'));
  const found = await leases(story);
  const expected = ['client 10.0.5.3 02:00:0a:00:05:03', 'server 10.0.5.2 02:00:0a:00:05:02'];
  stage.claim('the server has 10.0.5.2 and the client 10.0.5.3', found.join() === expected.join(), found);
  if (!story.real) return;
  const listed = await stage.show({ program: 'lxc-ls', arguments: ['-P', `${controller.root}/lxc`, '-f'] });
  const running = listed.output.split('\n').filter((line) => /^(client|server) +RUNNING/.test(line));
  stage.claim('LXC says that both run', running.length === 2, listed.output);
  await connected(story, 'server');
}

async function nothingToDo({ stage, controller, example }: Story): Promise<void> {
  stage.heading('The same revision again is no work');
  await stage.show(holdfast(controller, 'plan', example));
  const outcome = await askJson<RevisionOutcome>(controller, 'apply', example);
  stage.claim(
    'the controller says that nothing changed',
    outcome.unchanged && outcome.revision === 1,
    outcome,
  );
}

async function secondRevision(story: Story): Promise<void> {
  const { stage, controller, second } = story;
  stage.heading("A second revision: the client's hostname, and one pool more");
  const before = await pids(story);
  await stage.show(holdfast(controller, 'patch', second, '--wait', waitSeconds));
  await stage.show(holdfast(controller, 'get', 'all'));
  const after = await pids(story);
  stage.claim('the server kept its process', before.server === after.server, { before, after });
  stage.claim('the client was started anew', before.client !== after.client, { before, after });
  if (!story.real) return;
  stage.claim('the second bridge is there', existsSync('/sys/class/net/pvbr1'));
  await stage.show(inside(story, 'server', 'ping', '-c', '1', 'visitor'));
  stage.claim('the server reaches the client by its new hostname', true);
}

async function drift(story: Story): Promise<void> {
  const { stage, controller } = story;
  stage.heading('Somebody deletes the bridge');
  const events = followEvents(controller);
  try {
    // What came before is over once the newest event of before has been read.
    const { events: known } = await askJson<ResourceDescription>(controller, 'describe', 'pool', 'internal');
    const newest = known.at(-1)?.sequence ?? 0;
    const later = (event: EventRecord) => event.sequence > newest && event.key === 'pool/internal';
    await stage.show({ program: 'ip', arguments: ['link', 'delete', 'pvbr0'] });
    const seen = await events.next((event) => later(event) && event.reason === 'DriftDetected');
    const mended = await events.next((event) => later(event) && event.reason === 'Ready');
    stage.note(`event ${seen.sequence}: ${seen.reason}: ${seen.message}`);
    stage.note(`event ${mended.sequence}: ${mended.reason}: ${mended.message}`);
    const took = mended.at - seen.at;
    stage.claim(`it was back ${took} ms after its loss was seen`, took <= 1000, took);
  } finally {
    events.stop();
  }
  await connected(story, 'server');
}

async function down(story: Story): Promise<void> {
  const { stage, controller } = story;
  stage.heading('Everything away again');
  await stage.show(holdfast(controller, 'down'));
  const left = await items(story, 'all');
  stage.claim('no resource is left', left.length === 0, left);
  if (!story.real) return;
  stage.claim(
    'no bridge is left',
    !existsSync('/sys/class/net/pvbr0') && !existsSync('/sys/class/net/pvbr1'),
  );
}

/** Tells the whole story. Throws BrokenClaim at the first thing that is not as it is said to be. */
export async function tell(story: Story): Promise<void> {
  await firstRevision(story);
  await nothingToDo(story);
  await secondRevision(story);
  if (story.real) await drift(story);
  await down(story);
}
