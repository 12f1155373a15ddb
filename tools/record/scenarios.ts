import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventRecord } from '../../state/status.ts';
import { changes, makeExample } from '../demo/example.ts';
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

/** A controller finds everything as it should be, and a patch that changes one of two containers is tried and committed. */
const update: Scenario = async (device, file) => {
  await device.start(file);
  await device.say(['patch', changes.second, ...wait]);
  await device.stop();
};

/** The server of an update ends after half a second; the other container stays as it is, and the server comes back. */
const failingUpdate: Scenario = async (device, file) => {
  await device.start(file);
  await device.until(isReady('container/server'), () => device.say(['patch', changes.failing, ...wait], [1]));
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

/** The client of an update ends after half a second, again and again, until it has been started as often as it may be. */
const exhaustedRetries: Scenario = async (device, file) => {
  const failing = join(labDirectory, 'failing-client.json');
  const configuration = ['/client~1run.json/config', '/client~1lxc.container.conf'];
  const retries = { op: 'add', path: '/client~1run.json/auto_recovery', value: { max_retries: 2 } };
  writeFileSync(failing, JSON.stringify([...configuration.map((path) => ({ op: 'remove', path })), retries]));
  await device.start(file);
  await device.say(['patch', failing, ...wait], [1]);
  await device.stop();
};

/** A container whose root has no init cannot start: it is tried again with growing pauses, until the trial is given up. */
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
  writeFileSync(add, JSON.stringify(broken));
  await device.start(file);
  await device.say(['patch', add, ...wait], [1]);
  await device.stop();
};

/** The controller is killed as soon as the first step of a trial is done; the next one goes back, and the update is applied again. */
const killedController: Scenario = async (device, file) => {
  const wider = join(labDirectory, 'wider.json');
  const move = { op: 'replace', path: '/device.json/network/pools/internal/subnet', value: '10.0.6.0/24' };
  const gateway = { op: 'replace', path: '/device.json/network/pools/internal/gateway', value: '10.0.6.1' };
  writeFileSync(wider, JSON.stringify([move, gateway]));
  await device.start(file);
  await device.until(
    (event) => event.reason === 'StepDone',
    async () => device.begin('patch', wider, '--no-wait'),
  );
  await device.stop('SIGKILL');
  const same = join(labDirectory, 'same.json');
  writeFileSync(same, '[]');
  await device.start(file);
  // Until what was committed is there again: nothing is said at rest, but to a verb that waits for it.
  await device.say(['patch', same, ...wait]);
  await device.say(['patch', wider, ...wait]);
  await device.stop();
};

/** Everything is taken away again. */
const down: Scenario = async (device, file) => {
  await device.start(file);
  await device.say(['down', ...wait]);
  await device.stop();
};

const link = 'link/pv-example-unix-client/run/pv/services/raw.sock';

/** A service of one container in another. It is taken away behind our back, then either end is killed; then it is taken away by us. */
const links: Scenario = async (device, file) => {
  const example = await makeExample(join(labDirectory, 'links'), 'busybox', 'links/unix');
  await device.start(file);
  await device.say(['apply', example, ...wait]);
  await device.until(isReady(link), async () => {
    const client = await device.pid('pv-example-unix-client');
    const target = '/run/pv/services/raw.sock';
    // It is in use: we hold it, to be able to take it away.
    const inside = ['--mount', '--root', `--target=${client}`, '--', '/bin/umount', '-l', target];
    await run({ program: 'nsenter', arguments: inside });
  });
  for (const end of ['pv-example-unix-client', 'pv-example-unix-server']) {
    await device.until(isReady(link), async () => {
      process.kill(await device.pid(end), 'SIGKILL');
    });
  }
  await device.say(['down', ...wait]);
  await device.stop();
};

export const scenarios: Readonly<Record<string, Scenario>> = {
  'first-boot': firstBoot,
  update,
  'failing-update': failingUpdate,
  drift,
  'exhausted-retries': exhaustedRetries,
  'failing-start': failingStart,
  'killed-controller': killedController,
  down,
  links,
};

/** Where a recording of a scenario lies while it is made. */
export function recordingOf(name: string): string {
  return join(labDirectory, `${name}.jsonl`);
}
