import test from 'ava';
import type { StepResult } from '../../../adapters/adapter.ts';
import { systemCommands } from '../../../adapters/linux/command.ts';
import { CommandTimedOut, timedCommands } from '../../../adapters/linux/timed-commands.ts';
import { Deadlines, type TimedStep } from '../../../adapters/lxc/deadlines.ts';

/** Timers that fire when the test says so. */
function timers() {
  const armed = new Map<number, () => void>();
  const after = (delayMs: number, fire: () => void) => {
    armed.set(delayMs, fire);
    return () => armed.delete(delayMs);
  };
  const fire = (delayMs: number) => {
    const due = armed.get(delayMs);
    armed.delete(delayMs);
    due?.();
  };
  return { after, fire, armed: () => [...armed.keys()] };
}

const done: StepResult = { outcome: 'done', observations: [{ key: 'container/a', observed: null }] };
const failed: StepResult = {
  outcome: 'failed',
  error: { code: 'StartFailed', message: 'killed' },
  observations: [{ key: 'container/a', observed: null }],
};

const step = (work: TimedStep['work']): TimedStep => ({
  key: 'container/a',
  what: 'container.start of container/a',
  limitMs: 60_000,
  work,
});

/** Ends when it is told to. */
const whenAborted = (result: StepResult) => (signal: AbortSignal) =>
  new Promise<StepResult>((resolve) => signal.addEventListener('abort', () => resolve(result)));

const codeOf = (result: StepResult) => (result.outcome === 'failed' ? result.error.code : result.outcome);

test('[ENG-9] a step that ends in time is as it was, and leaves no timer', async (t) => {
  const { after, armed } = timers();
  const deadlines = new Deadlines(after);
  t.is(await deadlines.run(step(async () => done)), done);
  t.is(await deadlines.run(step(async () => failed)), failed);
  t.deepEqual(armed(), []);
});

test('[ENG-9] a step that takes too long is aborted, fails as timed out, and says what is there', async (t) => {
  const { after, fire, armed } = timers();
  const result = new Deadlines(after).run(step(whenAborted(failed)));
  await Promise.resolve();
  fire(60_000);
  t.is(codeOf(await result), 'StepTimedOut');
  t.deepEqual((await result).observations, failed.observations);
  t.deepEqual(armed(), []);
});

test('[ENG-9] a step that is done when it is aborted is done', async (t) => {
  const { after, fire } = timers();
  const result = new Deadlines(after).run(step(whenAborted(done)));
  await Promise.resolve();
  fire(60_000);
  t.is(await result, done);
});

test('[ENG-9] what cannot be ended is waited for by the next step of its key, and by no other', async (t) => {
  const { after, fire } = timers();
  const deadlines = new Deadlines(after);
  const stuck = Promise.withResolvers<StepResult>();
  const first = deadlines.run(step(() => stuck.promise));
  fire(60_000);
  fire(2000);
  t.is(codeOf(await first), 'StepTimedOut');
  const begun: string[] = [];
  const note = (what: string) => async () => {
    begun.push(what);
    return done;
  };
  t.is(await deadlines.run({ ...step(note('other')), key: 'container/b' }), done);
  const next = deadlines.run(step(note('next')));
  t.deepEqual(begun, ['other']);
  stuck.resolve(failed);
  t.is(await next, done);
  t.deepEqual(begun, ['other', 'next']);
});

test('[ENG-9] a step whose time is up before it could begin does nothing', async (t) => {
  const { after, fire } = timers();
  const deadlines = new Deadlines(after);
  const stuck = Promise.withResolvers<StepResult>();
  const first = deadlines.run(step(() => stuck.promise));
  fire(60_000);
  fire(2000);
  await first;
  const next = deadlines.run(step(async () => t.fail('it began') as never));
  fire(60_000);
  stuck.resolve(failed);
  t.is(codeOf(await next), 'StepTimedOut');
});

test('[ENG-9] a command that takes too long is killed', async (t) => {
  const { after, fire, armed } = timers();
  const { run } = timedCommands(systemCommands, after, 20_000);
  const { promise: spawned, resolve: onSpawn } = Promise.withResolvers<number>();
  const slow = run(['sleep', '1000'], { onSpawn });
  const pid = await spawned;
  fire(20_000);
  await t.throwsAsync(slow, { instanceOf: CommandTimedOut, message: /'sleep 1000' did not end within 20 s/ });
  t.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  await run(['true']);
  t.deepEqual(armed(), []);
});
