import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventRecord } from '../../state/status.ts';
import { makeExample, secondRevision } from '../demo/example.ts';
import { labDirectory, type RecordedDevice, run } from './device.ts';

/**
 * What is recorded on real LXC, in the order in which it happens: each begins where the one before ended. `file` is where
 * its controllers record.
 */
export type Scenario = (device: RecordedDevice, file: string) => Promise<void>;

const wait = ['--wait', '60'];

const isReady = (key: string) => (event: EventRecord) => event.key === key && event.reason === 'Ready';

/** A device that was never used gets its first revision: one pool, two containers. */
const firstBoot: Scenario = async (device, file) => {
  const example = await makeExample(join(labDirectory, 'two-containers'), 'busybox');
  await device.start(file);
  await device.say(['apply', example, ...wait]);
  await device.stop();
};

/** A controller finds everything as it should be, and a patch changes one of two containers. */
const update: Scenario = async (device, file) => {
  await device.start(file);
  await device.say(['patch', secondRevision, ...wait]);
  await device.stop();
};

/** Somebody deletes the bridge, then kills a container; both come back. */
const drift: Scenario = async (device, file) => {
  await device.start(file);
  await device.until(isReady('pool/internal'), () =>
    run({ program: 'ip', arguments: ['link', 'delete', 'pvbr0'] }),
  );
  await device.until(isReady('container/client'), async () => {
    process.kill(await device.pid('client'), 'SIGKILL');
  });
  await device.stop();
};

/** A container whose root has no init cannot start: it is tried again with growing pauses, until a revision takes it out. */
const failingStart: Scenario = async (device, file) => {
  const empty = join(labDirectory, 'empty');
  mkdirSync(empty);
  const broken = [
    {
      op: 'add',
      path: '/broken~1run.json',
      value: {
        '#spec': 'service-manifest-run@1',
        name: 'broken',
        type: 'lxc',
        'root-volume': `dir:${empty}`,
        network: { pool: 'internal' },
      },
    },
  ];
  const add = join(labDirectory, 'broken.json');
  const remove = join(labDirectory, 'mended.json');
  writeFileSync(add, JSON.stringify(broken));
  writeFileSync(remove, JSON.stringify([{ op: 'remove', path: '/broken~1run.json' }]));
  await device.start(file);
  let failures = 0;
  await device.until(
    ({ key, reason }) => key === 'container/broken' && reason === 'StartFailed' && ++failures === 4,
    // For a moment LXC says that it runs: whether the verb sees that is chance.
    () => device.say(['patch', add, ...wait], [0, 1]),
  );
  await device.say(['patch', remove, ...wait]);
  await device.stop();
};

/** The controller is killed as soon as the first step of an update is done; the next one ends what was begun. */
const killedController: Scenario = async (device, file) => {
  const wider = join(labDirectory, 'wider.json');
  const move = { op: 'replace', path: '/device.json/network/pools/internal/subnet', value: '10.0.6.0/24' };
  const gateway = { op: 'replace', path: '/device.json/network/pools/internal/gateway', value: '10.0.6.1' };
  writeFileSync(wider, JSON.stringify([move, gateway]));
  await device.start(file);
  await device.until(
    (event) => event.reason === 'StepDone',
    async () => device.begin('patch', wider, '--wait', '0'),
  );
  await device.stop('SIGKILL');
  await device.start(file);
  // It says nothing while it is at rest: what there is left to wait for is told by the verb that waits.
  await device.say(['patch', wider, ...wait]);
  await device.stop();
};

/** Everything is taken away again. */
const down: Scenario = async (device, file) => {
  await device.start(file);
  await device.say(['down', ...wait]);
  await device.stop();
};

export const scenarios: Readonly<Record<string, Scenario>> = {
  'first-boot': firstBoot,
  update,
  drift,
  'failing-start': failingStart,
  'killed-controller': killedController,
  down,
};

/** Where a recording of a scenario lies while it is made. */
export function recordingOf(name: string): string {
  return join(labDirectory, `${name}.jsonl`);
}
