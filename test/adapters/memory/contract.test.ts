import test from 'ava';
import { emptyHost, exitContainer, type HostModel, signalReady } from '../../../adapters/memory/host.ts';
import { MemoryAdapter } from '../../../adapters/memory/memory-adapter.ts';
import { adapterContract, type ContractWorld } from '../../contract/adapter-contract.ts';

/** Things on the modelled host that no adapter of ours made. */
async function putForeignThings(host: HostModel): Promise<() => Promise<unknown>> {
  host.bridges.set('foreign0', { mark: null, addresses: new Set(['10.99.0.1/24']), up: true });
  host.masquerade.set('foreign', '10.99.0.0/24');
  host.processes.set(1, { container: 'stranger' });
  return async () =>
    structuredClone({
      bridge: host.bridges.get('foreign0'),
      rule: host.masquerade.get('foreign'),
      process: host.processes.get(1),
    });
}

async function make(): Promise<ContractWorld> {
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
    putForeignThings: () => putForeignThings(host),
    dispose: async () => undefined,
  };
}

adapterContract(test, { name: 'memory', make });
