import test, { type ExecutionContext } from 'ava';
import { concat, NEVER, of } from 'rxjs';
import type { RevisionOutcome } from '../../../controller/api/contract.ts';
import { waitingWeb, webExited } from '../fixtures.ts';
import { outcomeOf, type ScriptedService } from '../scripted-service.ts';
import { served } from '../served.ts';
import { commandLine, type Ended, type TerminalOptions } from './command.ts';

const ready = { ready: 3, waiting: 0, blocked: 0, failed: 0 };
const begun = outcomeOf(8, {
  phase: 'INPROGRESS',
  settled: false,
  resources: { ready: 1, waiting: 2, blocked: 0, failed: 0 },
});
const tested = outcomeOf(8, { phase: 'TESTING', commitAt: 1, resources: ready });
const failed = outcomeOf(8, { phase: 'ERROR', desired: 7, failure: webExited, resources: ready });
const goingBack = { ...failed, settled: false };

/** A verb that needs no file, since all that propose a revision end alike, on a controller that goes through `outcomes`. */
async function proposed(
  t: ExecutionContext,
  outcomes: readonly RevisionOutcome[],
  { words = [], columns, ...user }: TerminalOptions & { readonly words?: readonly string[] } = {},
): Promise<Ended & { readonly service: ScriptedService }> {
  const { service, socket } = await served(t);
  const [accepted = begun, ...later] = outcomes;
  service.items = [waitingWeb];
  service.onApply = () => accepted;
  service.outcome = () => later.at(-1) ?? accepted;
  service.outcomes = (revision) => {
    service.outcomesAsked.push(revision);
    // Streams of a controller do not end by themselves.
    return columns === undefined && later.length === 0 ? concat(of(accepted), NEVER) : of(accepted, ...later);
  };
  const all = ['rollback', ...words, '--socket', socket];
  return { ...(await commandLine(all, columns === undefined ? user : { ...user, columns })), service };
}

test('[ROLL-1] a revision that holds ends with 0, and nothing is said before that where there is no terminal', async (t) => {
  const { code, out, err, service } = await proposed(t, [begun, tested, outcomeOf(8, { resources: ready })]);
  t.deepEqual([code, out, err], [0, 'revision 8 is DONE: all 3 resources are ready\n', '']);
  t.deepEqual(service.outcomesAsked, [8]);
});

test('[ROLL-1][ROLL-3] a revision that fails ends with 1 when the rollback is over, with the reason and what is desired again', async (t) => {
  const { code, out, err } = await proposed(t, [begun, tested, goingBack, failed]);
  t.deepEqual([code, err], [1, '']);
  t.regex(
    out,
    /^revision 8 is ERROR: container 'web' exited with code 3\n {2}ContainerExited at container\/web, 2026-.*\n {2}last lines:\n {2}\| panic: no configuration\n {2}\| exiting\nrevision 7 is desired again: all 3 resources are ready\n$/,
  );
});

test('[ENG-8] a revision whose failure is foreseen ends with 1, and it is said that nothing was disturbed', async (t) => {
  const { code, out } = await proposed(t, [failed]);
  t.is(code, 1);
  t.regex(out, /\nnothing was disturbed: revision 7 stays desired: all 3 resources are ready\n$/);
});

test('[ROLL-5] a first revision that fails ends with 1, stays desired, and that is said', async (t) => {
  const problems = [{ key: 'container/web', phase: 'Blocked', why: 'its address is taken' }] as const;
  const resources = { ready: 2, waiting: 0, blocked: 1, failed: 0 };
  const { code, out } = await proposed(t, [
    {
      ...failed,
      desired: 8,
      failure: { ...webExited, message: 'its address is taken' },
      resources,
      problems,
    },
  ]);
  t.is(code, 1);
  t.regex(
    out.replace(/\s+/g, ' '),
    /no revision was DONE before, so there is none to go back to: revision 8 stays desired, and becomes DONE when all of it holds\. 2 of 3 resources ready, 1 blocked container\/web Blocked its address is taken $/,
  );
});

test('a revision that a newer one replaced ends with 1 at once, and both are named', async (t) => {
  const failure = {
    ...webExited,
    code: 'Superseded',
    key: null,
    message: 'revision 9 came before it was committed',
  };
  const { code, out } = await proposed(t, [begun, { ...failed, desired: 9, settled: false, failure }]);
  t.is(code, 1);
  t.regex(
    out,
    /^revision 8 is ERROR: revision 9 came before it was committed\n {2}Superseded, .*\nrevision 9 is desired now\n$/,
  );
});

test('down that a newer revision replaces before all is gone ends with 1', async (t) => {
  const { code, err } = await proposed(t, [outcomeOf(8, { desired: 9, settled: false })]);
  t.deepEqual([code, err], [1, 'revision 8 was replaced by revision 9 before it came to rest\n']);
});

test('a committed revision of which something is not ready ends with 1', async (t) => {
  const problems = [{ key: 'container/web', phase: 'Failed', why: 'it exits again and again' }] as const;
  const { code, out } = await proposed(t, [outcomeOf(8, { unchanged: true, problems })]);
  t.is(code, 1);
  t.regex(
    out,
    /revision 8 is DONE \(unchanged\).*\n {2}container\/web {2}Failed\n {4}it exits again and again\n$/,
  );
});

for (const wait of ['0', '0.05']) {
  test(`[ROLL-1] a trial that lasts longer than --wait ${wait} ends with 4, and names what is missing`, async (t) => {
    const { code, out, err } = await proposed(t, [begun], { words: ['--wait', wait] });
    t.is(code, 4);
    t.regex(
      out,
      /^revision 8 is INPROGRESS: .*\n {2}container\/web {2}Waiting\n {4}waits for pool\/internal\n$/,
    );
    t.is(
      err,
      `revision 8 was INPROGRESS after ${wait} s; the controller goes on: 'holdfast why 8' tells how it ends\n`,
    );
  });
}

test('[ROLL-1] who interrupts a verb that waits is told that the trial goes on, and what ends it; it ends with 130', async (t) => {
  let listening = 0;
  const onInterrupt = (stop: () => void) => {
    listening++;
    setImmediate(stop);
    return () => void listening--;
  };
  const trial = await proposed(t, [begun], { onInterrupt });
  t.deepEqual(
    [trial.code, trial.out, trial.err],
    [
      130,
      'revision 8 is INPROGRESS: 1 of 3 resources ready, 2 waiting\n',
      "no longer waited for; the controller goes on: 'holdfast why 8' tells how it ends, 'holdfast rollback' ends it\n",
    ],
  );
  const wayBack = await proposed(t, [goingBack], { onInterrupt });
  t.deepEqual([wayBack.code, /rollback' ends it/.test(wayBack.err)], [130, false]);
  t.is(listening, 0);
});

test('a rollback that lasts longer than --wait ends with 4', async (t) => {
  const { code, err } = await proposed(t, [goingBack], { words: ['--wait', '0'] });
  t.is(code, 4);
  t.regex(err, /^the way back was not over after 0 s/);
});

test('--no-wait says what was accepted and ends with 0, or with 1 where it has failed already', async (t) => {
  const accepted = await proposed(t, [begun], { words: ['--no-wait'] });
  t.deepEqual(
    [accepted.code, accepted.out, accepted.err],
    [0, 'revision 8 is INPROGRESS: 1 of 3 resources ready, 2 waiting\n', ''],
  );
  t.deepEqual(accepted.service.outcomesAsked, []);
  t.is((await proposed(t, [failed], { words: ['--no-wait'] })).code, 1);
  const json = await proposed(t, [begun], { words: ['--no-wait', '-o', 'json'] });
  t.deepEqual(JSON.parse(json.out), begun);
});

test('progress is one line that is redrawn on a terminal and is gone at the end; the summary stays', async (t) => {
  const outcomes = [begun, tested, outcomeOf(8, { resources: ready })];
  const { code, out, err } = await proposed(t, outcomes, { columns: 70 });
  t.is(code, 0);
  t.is(out, 'revision 8 is \u001b[32mDONE\u001b[39m: all 3 resources are ready\n');
  t.is(
    err,
    '\r\u001b[Krevision 8 is INPROGRESS: 1 of 3 resources ready, 2 waiting' +
      '\r\u001b[Krevision 8 is TESTING: all 3 resources are ready, commits in 0 s\r\u001b[K',
  );
});

test('a terminal that knows no size has the usual 80 columns', async (t) => {
  const { err } = await proposed(t, [begun, outcomeOf(8)], { columns: 0 });
  t.is(err, '\r\u001b[Krevision 8 is INPROGRESS: 1 of 3 resources ready, 2 waiting\r\u001b[K');
});

test('[ROLL-6] message and commit window travel with a rollback, and its number where one is given', async (t) => {
  const { service } = await proposed(t, [outcomeOf(8)], {
    words: ['3', '-m', '4 loses packets', '--commit-after', '0.5'],
  });
  t.deepEqual(service.rolledBack, [
    { revision: 3, options: { message: '4 loses packets', commitAfterSeconds: 0.5 } },
  ]);
  t.deepEqual((await proposed(t, [outcomeOf(8)])).service.rolledBack, [{ revision: null, options: {} }]);
});
