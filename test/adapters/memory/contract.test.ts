import test from 'ava';
import { emptyHost, exitContainer, type HostModel, signalReady } from '../../../adapters/memory/host.ts';
import {
  observeLink,
  pathIn,
  recreateSocket,
  releaseSocket,
  takeTarget,
  unmountLink,
} from '../../../adapters/memory/links.ts';
import { silenceListener, takePort } from '../../../adapters/memory/listeners.ts';
import { MemoryAdapter } from '../../../adapters/memory/memory-adapter.ts';
import { linkKey, nameOf } from '../../../state/resource.ts';
import { adapterContract, type ContractWorld } from '../../contract/adapter-contract.ts';
import { ensureListener } from '../../contract/fixtures.ts';
import { type LinkWorld, linkContract } from '../../contract/link-contract.ts';
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

/** Programs of modelled containers: none has a socket before it is told to make one. */
function programs(adapter: MemoryAdapter): Pick<LinkWorld, 'makeSocket' | 'ask' | 'takeAway' | 'putForeign'> {
  const { host } = adapter;
  const answers = new Map<number, string>();
  for (const socket of ['raw', 'other'])
    host.withheldSockets.add(pathIn('server', `/run/example/${socket}.sock`));
  return {
    makeSocket: async (container, path, answer) => {
      adapter.disturb((model) => {
        if (model.withheldSockets.has(pathIn(container, path))) releaseSocket(model, container, path);
        else recreateSocket(model, container, path);
      });
      const inode = host.providerSockets.get(pathIn(container, path))?.inode;
      if (inode !== undefined) answers.set(inode, answer);
    },
    ask: async (container, path) => {
      const own = host.providerSockets.get(pathIn(container, path))?.inode;
      const link = observeLink(host, linkKey(container, path));
      const inode = own ?? (link?.drift.length === 0 ? link.facts.consumer.inode : null);
      return inode === null ? null : (answers.get(inode) ?? null);
    },
    takeAway: async (container, path) => adapter.disturb((model) => unmountLink(model, container, path)),
    putForeign: async (container, path) => {
      adapter.disturb((model) => takeTarget(model, container, path, 'a file'));
      return {
        look: async () => host.foreignTargets.get(pathIn(container, path)) ?? null,
        remove: async () =>
          adapter.disturb(({ foreignTargets }) => foreignTargets.delete(pathIn(container, path))),
      };
    },
  };
}

async function make(): Promise<ContractWorld & ListenerWorld & LinkWorld> {
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
    ...programs(adapter),
    putForeignThings: () => putForeignThings(host),
    dispose: async () => undefined,
  };
}

adapterContract(test, { name: 'memory', make });
listenerContract(test, { name: 'memory', make, firstPort: 18_080, tellsReleasedPorts: true });
linkContract(test, { name: 'memory', make, types: ['unix', 'rest', 'dbus', 'wayland', 'drm'] });
