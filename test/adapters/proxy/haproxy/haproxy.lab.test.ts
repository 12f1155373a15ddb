import { chmodSync, chownSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { identify } from '../../../../adapters/linux/process-identity.ts';
import { readIfThere } from '../../../../adapters/linux/read-if-there.ts';
import {
  ask,
  echo,
  echoed,
  httpOrigin,
  listener,
  proxyScenes,
  route,
  socketDirectory,
} from '../../../contract/proxy-stage.ts';
import { haproxySubject } from './haproxy-world.ts';

// Ports below 1024 of the machine itself are nothing to play with.
const scene = proxyScenes(process.env.HOLDFAST_LAB === '1' ? test.serial : test.serial.skip, haproxySubject);

scene(
  'port 80 leads to a socket that belongs to a user of a container, and to no one else',
  async (t, { proxy }) => {
    const path = join(socketDirectory(t), 's');
    const { backend } = await httpOrigin(t, echo('of a container'), path);
    chmodSync(path, 0o600);
    chownSync(path, 100_000, 100_000);
    await proxy.serve([listener('http', 80, [route('r', backend, { path: '/api' })], ['0.0.0.0', '::'])]);
    t.is((await echoed(t, 80, { path: '/api/x' })).origin, 'of a container');
    t.is((await echoed(t, 80, { path: '/api/x', address: '::1' })).url, '/x');
    t.is((await ask(80, { path: '/other' })).status, 404);
  },
);

scene(
  '[ING-11] whoever finds the master killed finds its workers gone as well',
  async (t, { proxy, root }) => {
    const { backend } = await httpOrigin(t, echo('one'));
    await proxy.serve([listener('http', 80, [route('r', backend)])]);
    const pid = (await proxy.observe())?.pid ?? 0;
    process.kill(pid, 'SIGKILL');
    while (identify(pid) !== null) await new Promise(setImmediate);
    await proxy.serve([listener('http', 80, [route('r', backend, { path: '/x' })])]);
    t.is((await echoed(t, 80, { path: '/x/y' })).url, '/y');
    await proxy.serve([]);
    const left = readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry) && identify(Number(entry)) !== null)
      .filter((entry) => readIfThere(`/proc/${entry}/cmdline`)?.includes(root));
    t.deepEqual(left, []);
  },
);
