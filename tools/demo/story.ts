import { existsSync } from 'node:fs';
import type { ResourceDescription, RevisionOutcome } from '../../controller/api/contract.ts';
import type { EventRecord } from '../../state/status.ts';
import { askJson, holdfast } from '../controller.ts';
import { followEvents } from './events.ts';
import { nothingListens, reached } from './ingress.ts';
import { connected, items, leases, type Story, waitSeconds } from './sight.ts';
import { conflict, failingUpdate, lookBack, update } from './trials.ts';

async function firstRevision(story: Story): Promise<void> {
  const { stage, controller, example } = story;
  stage.heading('A first revision goes in: one pool, a server and a client');
  await stage.show(holdfast(controller, 'validate', example));
  await stage.show(holdfast(controller, 'plan', example), 2);
  await stage.show(holdfast(controller, 'apply', example, '--wait', waitSeconds, '-m', 'first boot'));
  stage.heading('Its containers run, with the addresses of their order');
  await stage.show(holdfast(controller, 'get', 'leases'));
  const found = await leases(story);
  const expected = ['client 10.0.5.3 02:00:0a:00:05:03', 'server 10.0.5.2 02:00:0a:00:05:02'];
  stage.claim('the server has 10.0.5.2 and the client 10.0.5.3', found.join() === expected.join(), found);
  await inOrder(story);
  if (!story.real) return;
  const listed = await stage.show({ program: 'lxc-ls', arguments: ['-P', `${controller.root}/lxc`, '-f'] });
  const running = listed.output.split('\n').filter((line) => /^(client|server) +RUNNING/.test(line));
  stage.claim('LXC says that both run', running.length === 2, listed.output);
  await connected(story, 'server');
}

/** The client's group begins when the server's has reached its goal. */
async function inOrder({ stage, controller }: Story): Promise<void> {
  const { items: events } = await askJson<{ items: readonly EventRecord[] }>(controller, 'events');
  const ready = events.filter(({ reason }) => reason === 'Ready').map(({ key }) => key);
  const order = ready.filter((key) => key === 'group/root' || key === 'container/client');
  const expected = ['group/root', 'container/client'];
  stage.claim(
    'the client came after the server had said that it is ready',
    `${order}` === `${expected}`,
    order,
  );
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
  await nothingListens(story);
  if (!story.real) return;
  stage.claim(
    'no bridge is left',
    !existsSync('/sys/class/net/pvbr0') && !existsSync('/sys/class/net/pvbr1'),
  );
}

/** Tells the whole story. Throws BrokenClaim at the first thing that is not as it is said to be. */
export async function tell(story: Story): Promise<void> {
  await firstRevision(story);
  await reached(story);
  await nothingToDo(story);
  await update(story);
  await conflict(story);
  // Nothing of a host in memory ends by itself.
  if (story.real) await failingUpdate(story);
  await lookBack(story);
  if (story.real) await drift(story);
  await down(story);
}
