import test from 'ava';
import { emptyHost, exitContainer, type HostModel, signalReady } from '../../../adapters/memory/host.ts';
import { silenceListener, takePort } from '../../../adapters/memory/listeners.ts';
import { MemoryAdapter } from '../../../adapters/memory/memory-adapter.ts';
import { nameOf } from '../../../state/resource.ts';
import { adapterContract, type ContractWorld } from '../../contract/adapter-contract.ts';
import { ensureListener } from '../../contract/fixtures.ts';
import { type ListenerWorld, listenerContract } from '../../contract/listener-contract.ts';

/** Things on the modelled host that no adapter of ours made. */
async function putForeignThings(host: HostModel): Promise<() => Promise<unknown>> {
  host.bridges.set('foreign0', { mark: null, addresses: new Set(['10.99.0.1/24']), up: true });
  host.masquerade.set('foreign', '10.99.0.0/24');
  host.foreignPorts.set(22, 'sshd');
  host.processes.set(1, { container: 'stranger' });
  return async () =>
    structuredClone({
      bridge: host.bridges.get('foreign0'),
      rule: host.masquerade.get('foreign'),
      process: host.processes.get(1),
      ports: host.foreignPorts,
    });
}

async function make(): Promise<ContractWorld & ListenerWorld> {
  const host = emptyHost();
  host.silent.add('web');
  const adapter = new MemoryAdapter({ host });
  return {
    adapter,
    root: { type: 'directory', path: '/nowhere' },
    another: () => new MemoryAdapter({ host }),
    deleteBridge: async (name) => adapter.disturb((model) => model.bridges.delete(name)),
    killContainer: async (name) =>
      adapter.disturb((model) => exitContainer(model, name, { code: null, signal: 'SIGKILL', at: 1 })),
    signalReady: async (name) => adapter.disturb((model) => signalReady(model, name)),
    takePort: async (port) => {
      adapter.disturb((model) => takePort(model, port, 'nginx'));
      return {
        process: 'nginx',
        release: async () => adapter.disturb(({ foreignPorts }) => foreignPorts.delete(port)),
      };
    },
    breakListener: async (spec) =>
      adapter.disturb((model) => silenceListener(model, nameOf(ensureListener(spec).key))),
    putForeignThings: () => putForeignThings(host),
    dispose: async () => undefined,
  };
}

adapterContract(test, { name: 'memory', make });
listenerContract(test, { name: 'memory', make, firstPort: 18_080, tellsReleasedPorts: true });
