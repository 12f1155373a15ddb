import test from 'ava';
import { Device } from './device.ts';
import { interruptedUpdates } from './interrupted-updates.ts';
import { sidesOf, spread, twoRevisions } from './two-revisions.ts';

const inLab = process.env.HOLDFAST_LAB === '1' ? test.serial : test.serial.skip;

/** How often the controller is killed in all, but for those that come after. */
const killings = 50;

/** After every so many killings the controller that comes after is killed too, as soon as it serves: in the middle of its repairs. */
const twice = 5;

inLab(
  '[ROLL-4] [CTR-9] [ENG-4] [LEASE-4] a controller killed at any moment of an update is back with the old revision or the new one, whole, and nothing is left over',
  async (t) => {
    t.timeout(300_000);
    const made = await Device.make('lxc');
    t.teardown(() => made.destroy());
    const states = await twoRevisions(made);
    await made.start();
    const sides = await sidesOf(made, states);
    const { still } = await made.pids();
    const moments = sides.map(({ calls }) => spread(calls, killings / 2));
    const ends = await interruptedUpdates(made, sides, moments, async (count) => {
      await made.start();
      if (count % twice !== 0) return;
      await made.end('SIGKILL');
      await made.start();
    });
    t.log(`calls: ${sides.map(({ calls }) => calls.length).join(' and ')}`, ends);
    t.deepEqual(ends.wrong, []);
    t.is((await made.pids()).still, still, 'the container that is in both was never restarted');
    t.true(ends.old > 0 && ends.new > 0, 'both ends were seen');
    t.true(ends.missed < killings / 10, 'most moments were those of an update');
  },
);
