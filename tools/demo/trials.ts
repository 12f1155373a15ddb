import { existsSync } from 'node:fs';
import type { RevisionEntry } from '../../controller/api/contract.ts';
import type { EventRecord } from '../../state/status.ts';
import { capture } from '../command.ts';
import { askJson, holdfast } from '../controller.ts';
import { changes } from './example.ts';
import { connected, inside, leases, pids, type Story, waitSeconds } from './sight.ts';

/** Tried, held for a while, committed. */
export async function update(story: Story): Promise<void> {
  const { stage, controller } = story;
  stage.heading("An update is tried, and committed: the client's hostname, and one pool more");
  const before = await pids(story);
  await stage.show(
    holdfast(controller, 'patch', changes.second, '--wait', waitSeconds, '-m', 'the client is a visitor'),
  );
  await stage.show(holdfast(controller, 'get', 'all'));
  const after = await pids(story);
  stage.claim('the server kept its process', before.server === after.server, { before, after });
  stage.claim('the client was started anew', before.client !== after.client, { before, after });
  await heldBefore(story, 2);
  if (!story.real) return;
  stage.claim('the second bridge is there', existsSync('/sys/class/net/pvbr1'));
  await stage.show(inside(story, 'server', 'ping', '-c', '1', 'visitor'));
  stage.claim('the server reaches the client by its new hostname', true);
}

/** All of a committed revision was ready for the commit window before it was committed. */
async function heldBefore({ stage, controller }: Story, revision: number): Promise<void> {
  const { items: events } = await askJson<{ items: readonly EventRecord[] }>(controller, 'events');
  const { items: history } = await askJson<{ items: readonly RevisionEntry[] }>(controller, 'history');
  const committed = history.find((entry) => entry.revision === revision)?.endedAt ?? 0;
  const ready = events.findLast(({ reason, at }) => reason === 'Ready' && at <= committed)?.at ?? 0;
  const held = committed - ready;
  stage.claim(`it was committed after it had held for ${held} ms`, held >= 1000, { committed, ready });
}

/** Refused by the device before anything is disturbed. */
export async function conflict(story: Story): Promise<void> {
  const { stage, controller } = story;
  stage.heading(
    "An update that cannot work here fails before it begins: the client wants the server's address",
  );
  const before = await pids(story);
  await stage.show(holdfast(controller, 'patch', changes.conflict, '--wait', waitSeconds), 1);
  const after = await pids(story);
  stage.claim('both kept their process', `${Object.values(before)}` === `${Object.values(after)}`, {
    before,
    after,
  });
}

/** What a rollback has to bring back: links, rules, leases. */
async function restorable(story: Story): Promise<string> {
  const state = { program: 'ip', arguments: ['-o', '-4', 'address', 'show', 'scope', 'global'] };
  const addresses = await capture(state);
  const { output: rules } = await capture({ program: 'nft', arguments: ['list', 'ruleset'] });
  return [addresses.output, rules, ...(await leases(story))].join('\n');
}

/** Resolves when the server has said that it is ready since a trial failed. */
async function serverReadyAgain({ controller }: Story): Promise<void> {
  let failed = false;
  await controller.logged(({ key, reason, msg }) => {
    failed ||= reason === 'RevisionFailed' && msg.includes('ContainerExited');
    return failed && key === 'container/server' && reason === 'Ready';
  });
}

/** Tried, did not hold, and everything is as it was. */
export async function failingUpdate(story: Story): Promise<void> {
  const { stage, controller } = story;
  stage.heading('An update that does not hold is rolled back: the server has lost its configuration');
  const before = { pids: await pids(story), host: await restorable(story) };
  await stage.show(
    holdfast(controller, 'patch', changes.failing, '--wait', waitSeconds, '-m', 'tidied up'),
    1,
  );
  await serverReadyAgain(story);
  const after = { pids: await pids(story), host: await restorable(story) };
  stage.claim('the server was started anew', before.pids.server !== after.pids.server, { before, after });
  stage.claim(
    'the client, which was not concerned, kept its process',
    before.pids.client === after.pids.client,
    {
      before,
      after,
    },
  );
  stage.claim('bridges, addresses, rules and leases are what they were', before.host === after.host, {
    before,
    after,
  });
  await connected(story, 'server');
}

/** What is remembered of it all. */
export async function lookBack({ stage, controller, real }: Story): Promise<void> {
  stage.heading('What became of each revision is kept, with the reason');
  const { output } = await stage.show(holdfast(controller, 'history'));
  const kept = real ? 4 : 3;
  stage.claim(`all ${kept} revisions are remembered`, output.split('\n').length === kept + 1, output);
  const { output: reason } = await stage.show(holdfast(controller, 'why', `${kept}`));
  const expected = real ? /container 'server' exited with code 3/ : /failed to reserve static IP 10\.0\.5\.2/;
  stage.claim('the reason of the last one is given', expected.test(reason), reason);
}
