import test from 'ava';
import { ingressTableName, instanceOf } from '../../../adapters/linux/mark.ts';
import { chosenProxy } from '../../../adapters/proxy/chosen-proxy.ts';
import type { Proxy as HostProxy } from '../../../adapters/proxy/proxy.ts';
import { systemClock } from '../../../controller/clock.ts';
import { type ListenerWorld, listenerContract } from '../../contract/listener-contract.ts';
import { takePort } from '../../contract/take-port.ts';
import { command, makeLxcWorld } from './lxc-world.ts';

async function make(choice: HostProxy['name']): Promise<ListenerWorld> {
  const world = await makeLxcWorld({ proxy: choice });
  const { adapter, another, root, directory, dispose } = world;
  const killProxy = async () => {
    const proxy = await chosenProxy({ choice, root: directory, after: systemClock().after });
    const running = await proxy.observe();
    proxy.close();
    if (running === null) throw new Error('found no proxy, expected one that serves the listener');
    process.kill(running.pid, 'SIGKILL');
  };
  return {
    adapter,
    another,
    root,
    takePort,
    breakListener: async ({ type }) => {
      if (type === 'http') await killProxy();
      else await command('nft', 'delete', 'table', 'inet', ingressTableName(instanceOf(directory)));
    },
    dispose,
  };
}

const first = 18_580;
for (const [index, choice] of (['builtin', 'haproxy'] as const).entries()) {
  listenerContract(test, {
    name: `lxc with ${choice}`,
    make: () => make(choice),
    firstPort: first + index * 10,
    tellsReleasedPorts: true,
  });
}
