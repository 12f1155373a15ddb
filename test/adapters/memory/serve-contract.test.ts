import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { servingMemoryAdapter } from '../../../adapters/memory/serve.ts';
import { createBuiltinProxy } from '../../../adapters/proxy/builtin/builtin-proxy.ts';
import { systemClock } from '../../../controller/clock.ts';
import {
  container,
  ensureListener,
  listener,
  removeListener,
  route,
  start,
  stop,
} from '../../contract/fixtures.ts';
import { type ListenerWorld, listenerContract } from '../../contract/listener-contract.ts';
import { play, scenes } from '../../contract/stage.ts';
import { takePort } from '../../contract/take-port.ts';

const { after } = systemClock();

async function make(): Promise<ListenerWorld> {
  const root = await mkdtemp(join(tmpdir(), 'serve-'));
  const proxy = createBuiltinProxy({ root, after });
  const another = () =>
    servingMemoryAdapter({ root, proxy: async () => createBuiltinProxy({ root, after }), after });
  return {
    adapter: another(),
    another,
    root: { type: 'directory', path: '/nowhere' },
    takePort,
    breakListener: async () => {
      const process_ = await proxy.observe();
      if (process_ === null) throw new Error('found no proxy, expected one that serves the listener');
      process.kill(process_.pid, 'SIGKILL');
    },
    dispose: async () => {
      await proxy.serve([]);
      proxy.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

const firstPort = 18_480;
listenerContract(test, { name: 'memory --serve', make, firstPort, tellsReleasedPorts: true });

const port = firstPort + 3;

/** Status and body of what is answered. */
async function ask(path: string): Promise<readonly [number | undefined, string]> {
  const [answer] = await once(get({ host: '127.0.0.1', port, path, agent: false }), 'response');
  let body = '';
  for await (const part of answer.setEncoding('utf8')) body += part;
  return [answer.statusCode, body];
}

const scene = scenes(test, make, 'memory --serve');

scene(
  '[ING-6] [ING-10] a request reaches a service of a modelled container while that runs; 503 before and after',
  async (t, { adapter }) => {
    const site = listener(port, 'site', { routes: [route('site', { path: '/site' })] });
    const run = start(container('web', { type: 'directory', path: '/nowhere' }, []));
    await play(t, adapter, [ensureListener(site)]);
    t.is((await ask('/site/x'))[0], 503);
    for (const again of ['first', 'second']) {
      await play(t, adapter, [run]);
      const [status, body] = await ask('/site/x?y');
      t.is(status, 200, again);
      t.like(JSON.parse(body), {
        container: 'web',
        service: 'site',
        path: '/x?y',
        headers: { 'x-forwarded-for': '127.0.0.1' },
      });
      t.is((await ask('/sitemap'))[0], 404);
      await play(t, adapter, [stop('web')]);
      t.is((await ask('/site/x'))[0], 503, again);
    }
    await play(t, adapter, [removeListener(site)]);
    await t.throwsAsync(ask('/site/x'), { code: 'ECONNREFUSED' });
  },
);
