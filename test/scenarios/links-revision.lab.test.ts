import test, { type ExecutionContext } from 'ava';
import type { GraphLink } from '../../controller/api/contract.ts';
import { ControllerClient } from '../../controller/cli/client.ts';
import { hostState } from './host-state.ts';
import { until } from './ingress-device.ts';
import {
  changesSince,
  echoes,
  heard,
  idle,
  LinkDevice,
  needsRaw,
  raw,
  rawSocket,
  rawTarget,
  saying,
} from './link-device.ts';
import { stateOf } from './states.ts';

/** Requirements of a revision on real LXC: those that nobody can meet, and how those that are met are shown. */
const inLab = process.env.HOLDFAST_LAB === '1' ? test.serial : test.serial.skip;

async function running(t: ExecutionContext) {
  const device = await LinkDevice.make(t, '/usr/bin/socat');
  const server = await device.container('server', echoes, { provides: [raw] });
  const client = await device.container('client', idle, { requires: [needsRaw] });
  await device.made.start();
  return { made: device.made, device, server, client };
}

inLab(
  '[LINK-2] a required service that nobody provides, or that two do, refuses the revision whole, and nothing is touched',
  async (t) => {
    const { made, device, server, client } = await running(t);
    t.is((await made.apply(stateOf({}, {}, server, client))).code, 0);
    const before = await hostState(made);
    const second = await device.container('second', echoes, { provides: [raw] });
    for (const [state, told] of [
      [stateOf({}, {}, client), ['ServiceRequiredMissing', "required service 'raw' for 'client' not found"]],
      [stateOf({}, {}, server, second, client), ['ServiceAmbiguous', "'server'", "'second'"]],
    ] as const) {
      const answer = await made.cli(['apply', '-'], { input: JSON.stringify(state) });
      t.is(answer.code, 3, answer.stdout);
      const text = answer.stdout.replace(/\s+/g, ' ');
      for (const named of told) t.true(text.includes(named), `${named}: ${answer.stdout}`);
    }
    t.deepEqual(await changesSince(made, before), []);
    t.is((await made.current()).revision, 1);

    const optional = saying(await device.container('other', idle), 'other', {
      optional: [{ name: 'radio' }],
    });
    const answer = await made.cli(['apply', '-'], {
      input: JSON.stringify(stateOf({}, {}, server, client, optional)),
    });
    t.is(answer.code, 0, answer.stdout);
    t.regex(answer.stdout, /ServiceOptionalMissing/);
  },
);

inLab(
  '[LINK-1] [CTR-6] what a container requires is up before it starts, and what it can do without holds it up in nothing',
  async (t) => {
    const { made, device, server } = await running(t);
    const slow = saying(await device.container('slow', `sleep 0.5\n${echoes}`), 'slow', {
      provides: [{ ...raw, name: 'slow' }],
    });
    const both = await device.container('both', idle, {
      requires: [needsRaw],
      optional: [{ name: 'slow', target: '/slow.sock' }],
    });
    t.is((await made.apply(stateOf({}, {}, both, slow, server))).code, 0);
    const ready = (await made.events())
      .filter(({ key, reason }) => reason === 'Ready' && key?.startsWith('container/'))
      .map(({ key }) => key);
    t.true(ready.indexOf('container/server') < ready.indexOf('container/both'), ready.join());
    const { both: pid } = await made.pids();
    await until(
      'the optional one comes, too',
      async () => (await heard(LinkDevice.inside(pid, '/slow.sock'))) === 'hello',
    );
  },
);

inLab(
  '[LINK-9] the graph has each link with its ten fields, and get and describe show it with both of its ends',
  async (t) => {
    const { made, server, client } = await running(t);
    t.is((await made.apply(stateOf({}, {}, server, client))).code, 0);
    const pids = await made.pids();
    t.is(await heard(LinkDevice.inside(pids.client, rawTarget)), 'hello');
    using control = new ControllerClient(made.socket);
    t.deepEqual(await control.get<readonly GraphLink[]>('/xconnect-graph'), [
      {
        ...{ type: 'unix', name: 'raw' },
        ...{ consumer: 'client', consumer_pid: pids.client ?? 0 },
        ...{ provider: 'server', provider_pid: pids.server ?? 0 },
        ...{ role: 'any', interface: 'unix', target: rawTarget, socket: rawSocket },
      },
    ]);
    const graph = await made.cli(['graph', '-o', 'json']);
    t.is(graph.code, 0, graph.stderr);
    t.true(graph.stdout.includes(rawTarget));
    for (const [output, wanted] of [
      ['table', /raw .*server .*client|client .*server/],
      ['dot', /^digraph /],
      ['mermaid', /^(flowchart|graph) /],
    ] as const)
      t.regex((await made.cli(['graph', '-o', output])).stdout, wanted, output);

    t.regex(
      (await made.cli(['get', 'links'])).stdout,
      /^client +raw +unix +server +\/run\/pv\/services\/raw\.sock +Ready/m,
    );
    const described = (await made.cli(['describe', `link/client${rawTarget}`])).stdout;
    for (const named of [pids.client, pids.server, rawTarget, rawSocket, 'kernel'])
      t.true(described.includes(String(named)), `${named}: ${described}`);
  },
);
