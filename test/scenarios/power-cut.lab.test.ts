import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { Device } from './device.ts';
import { interruptedUpdates } from './interrupted-updates.ts';
import { LosableDisk } from './losable-disk.ts';
import { sidesOf, spread, twoRevisions } from './two-revisions.ts';

const inLab = process.env.HOLDFAST_LAB === '1' ? test.serial : test.serial.skip;

/** Moments in each direction: among those in which the database is written and synced, and all over the update. */
const moments = { ofDatabase: 7, scattered: 4 };

inLab(
  '[ROLL-4] the disk of these tests loses what was not synced, and what was acknowledged survives that',
  async (t) => {
    const made = await Device.make('memory');
    const disk = await LosableDisk.make(made);
    t.teardown(async () => {
      await made.takeDown();
      await disk.unmount();
      await made.destroy();
    });
    await made.start();
    const written = join(made.root, 'written');
    const synced = join(made.root, 'synced');
    await writeFile(written, 'this');
    await writeFile(synced, 'that', { flush: true });
    const { revision } = await made.propose({ 'README.txt': 'one' });
    await made.end('SIGKILL');
    await disk.losePower();
    t.is(await readFile(synced, 'utf8'), 'that');
    t.not(await readFile(written, 'utf8').catch(() => null), 'this');
    await made.start();
    t.is((await made.current()).revision, revision);
  },
);

inLab(
  '[ROLL-4] [LEASE-4] a power cut at any moment of an update leaves the old revision or the new one, and nothing that was acknowledged is lost',
  async (t) => {
    t.timeout(300_000);
    const made = await Device.make('lxc');
    const disk = await LosableDisk.make(made);
    t.teardown(async () => {
      await made.takeDown();
      await disk.unmount();
      await made.destroy();
    });
    const states = await twoRevisions(made);
    await made.start();
    const sides = await sidesOf(made, states);
    await disk.sync();
    const isOfDatabase = ({ name }: { readonly name: string }) => /^(pwrite64|fsync|fdatasync)$/.test(name);
    const cuts = sides.map(({ calls }) => [
      ...spread(calls.filter(isOfDatabase), moments.ofDatabase),
      ...spread(calls, moments.scattered),
    ]);
    const ends = await interruptedUpdates(made, sides, cuts, async () => {
      await disk.losePower();
      await made.start();
    });
    t.log(`calls: ${sides.map(({ calls }) => calls.length).join(' and ')}`, ends);
    t.deepEqual(ends.wrong, []);
    t.true(ends.old > 0 && ends.new > 0, 'both ends were seen');
  },
);
