import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { GraphLink } from '../../controller/api/contract.ts';
import { ControllerClient } from '../../controller/cli/client.ts';
import { type ExampleName, makeExample } from '../../tools/demo/example.ts';
import { Device } from './device.ts';
import { hostChanges, hostState } from './host-state.ts';
import { changesSince } from './link-device.ts';

/** The examples of service links as their readers have them: copied, with roots made for them, and applied. Their clients are ready when they were served. */
const inLab = process.env.HOLDFAST_LAB === '1' ? test.serial : test.serial.skip;

/** What a client of an example has said, by the end of its console's log. */
type Said = Readonly<Record<string, RegExp>>;

/** Links as [type, consumer, service, provider, target]. */
type Linked = readonly (readonly [string, string, string, string, string])[];

async function shown(t: ExecutionContext, name: ExampleName, linked: Linked, said: Said): Promise<void> {
  const made = await Device.make('lxc');
  t.teardown(() => made.destroy());
  const example = await makeExample(join(made.directory, 'example'), 'busybox', name);
  await made.start();
  const applied = await made.cli(['apply', example]);
  t.is(applied.code, 0, applied.stdout + applied.stderr);
  t.is((await made.history()).at(-1)?.phase, 'DONE');
  using control = new ControllerClient(made.socket);
  const graph = await control.get<readonly GraphLink[]>('/xconnect-graph');
  const pids = await made.pids();
  t.deepEqual(
    graph
      .map(({ type, consumer, name, provider, target }) => [type, consumer, name, provider, target])
      .sort(),
    [...linked].map((link) => [...link]).sort(),
  );
  for (const { consumer, consumer_pid, provider, provider_pid } of graph)
    t.deepEqual([consumer_pid, provider_pid], [pids[consumer], pids[provider]]);
  for (const [client, expected] of Object.entries(said))
    t.regex(await readFile(join(made.root, 'logs', client, 'console.log'), 'utf8'), expected, client);
}

inLab('[LINK-4] [LINK-1] the example links/unix: the client hears the server', (t) =>
  shown(
    t,
    'links/unix',
    [['unix', 'pv-example-unix-client', 'raw', 'pv-example-unix-server', '/run/pv/services/raw.sock']],
    { 'pv-example-unix-client': /the server says: hello/ },
  ),
);

inLab('[LINK-5] the example links/rest: the server knows who asks, whatever the client says', (t) =>
  shown(
    t,
    'links/rest',
    [['rest', 'pv-example-rest-client', 'api', 'pv-example-rest-server', '/run/pv/services/api.sock']],
    {
      'pv-example-rest-client':
        /"\/first", "client": "pv-example-rest-client", "role": "any"\}\s+\{"path": "\/second", "client": "pv-example-rest-client", "role": "any"\}/,
    },
  ),
);

inLab('[LINK-6] the example links/dbus: the client is answered by the service', (t) =>
  shown(
    t,
    'links/dbus',
    [
      [
        'dbus',
        'pv-example-dbus-client',
        'system-bus',
        'pv-example-dbus-server',
        '/run/dbus/system_bus_socket',
      ],
    ],
    {
      'pv-example-dbus-client':
        /method return .*\s+string "\{"service": "dbus-example", "status": "active"\}"/,
    },
  ),
);

/** Where there is a graphics card the device opens; elsewhere nothing is behind its node, which is told from not being allowed to. */
const openedOrNothing = 'opened|.*No such device( or address)?';

inLab('[LINK-7] the example links/drm: each client has its node, and may open it', (t) =>
  shown(
    t,
    'links/drm',
    [
      ['drm', 'pv-example-drm-master', 'drm-master', 'pv-example-drm-provider', '/dev/dri/card0'],
      ['drm', 'pv-example-drm-render', 'drm-render', 'pv-example-drm-provider', '/dev/dri/renderD128'],
    ],
    {
      'pv-example-drm-master': new RegExp(`/dev/dri/card0, device e2:0: (${openedOrNothing})\\s*$`),
      'pv-example-drm-render': new RegExp(`/dev/dri/renderD128, device e2:80: (${openedOrNothing})\\s*$`),
    },
  ),
);

inLab(
  '[LINK-8] [LINK-7] the example links/wayland: a compositor that needs a device comes up after it, and shows what a client in another container draws; nothing of all that stays',
  async (t) => {
    await shown(
      t,
      'links/wayland',
      [
        ['drm', 'pv-example-wayland-server', 'drm-master', 'pv-example-drm-provider', '/dev/dri/card0'],
        [
          'wayland',
          'pv-example-wayland-client',
          'wayland-0',
          'pv-example-wayland-server',
          '/run/wayland/wayland-0',
        ],
      ],
      { 'pv-example-wayland-client': /the server has shown 10 frames/ },
    );
  },
);

inLab('[LINK-10] [ENG-4] what links were made of goes with the last revision that has them', async (t) => {
  const made = await Device.make('lxc');
  t.teardown(() => made.destroy());
  const example = await makeExample(join(made.directory, 'example'), 'busybox', 'links/unix');
  await made.start();
  const before = await hostState(made);
  t.is((await made.cli(['apply', example])).code, 0);
  t.not(hostChanges(before, await hostState(made)).length, 0);
  t.is((await made.cli(['down'])).code, 0);
  const left = await changesSince(made, before);
  t.deepEqual(
    left.filter((change) => change.includes('link')),
    [],
  );
});
