import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { firstValueFrom, type Observable, ReplaySubject } from 'rxjs';
import type { Adapter, WatchEvent } from '../../../adapters/adapter.ts';
import { servingMemoryAdapter } from '../../../adapters/memory/serve.ts';
import { EchoSockets } from '../../../adapters/memory/serve-echoes.ts';
import { ProxyError } from '../../../adapters/proxy/proxy.ts';
import { systemClock } from '../../../controller/clock.ts';
import {
  container,
  ensureListener,
  listener,
  removeContainer,
  removeListener,
  route,
  start,
  stop,
} from '../../contract/fixtures.ts';
import { applied, observed, play } from '../../contract/stage.ts';
import { ScriptedProxy } from './scripted-proxy.ts';

interface Stage {
  readonly root: string;
  readonly proxy: ScriptedProxy;
  readonly adapter: Adapter;
  /** All that the watches tell. */
  readonly told: Observable<WatchEvent>;
  /** The adapter of the next controller, at the same proxy. */
  another(): Adapter;
}

async function temporary(t: ExecutionContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'serve-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  return root;
}

async function stage(t: ExecutionContext): Promise<Stage> {
  const root = await temporary(t);
  const proxy = new ScriptedProxy();
  const told = new ReplaySubject<WatchEvent>();
  const another = () => {
    const adapter = servingMemoryAdapter({ root, proxy: async () => proxy, after: systemClock().after });
    // As an engine does.
    const watch = adapter.watch().subscribe((event) => told.next(event));
    t.teardown(async () => {
      watch.unsubscribe();
      await adapter.close();
    });
    return adapter;
  };
  return { root, proxy, told, adapter: another(), another };
}

const web = container('web', { type: 'directory', path: '/nowhere' }, []);
const site = listener(18_080, 'site', {
  routes: [route('site'), route('off', { path: '/off', backend: null })],
});
const raw = listener(18_022, 'raw', { type: 'tcp' });

/** The socket at which a proxy would find the service of a rule; what it was given last counts. */
function socketOf({ calls }: ScriptedProxy, rule: string): string {
  const routes = (calls.at(-1) ?? []).flatMap((each) => each.routes);
  const backend = routes.find((each) => each.rule === rule)?.backend;
  if (backend?.type !== 'socket') throw new Error(`found no socket of ${rule}`);
  return backend.path;
}

/** What is answered to a request at a unix socket. Rejects where nobody listens. */
function ask(socketPath: string, path: string, headers: Record<string, string> = {}): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, method: 'POST', headers }, async (incoming) => {
      let text = '';
      for await (const part of incoming.setEncoding('utf8')) text += part;
      resolve(JSON.parse(text));
    });
    outgoing.once('error', reject).end('four');
  });
}

/** All that comes back from a socket at which `text` was said. */
async function say(path: string, text: string): Promise<string> {
  const socket = connect({ path, allowHalfOpen: true }).setEncoding('utf8');
  socket.end(text);
  let answer = '';
  for await (const part of socket) answer += part;
  return answer;
}

test('[ING-4] a service of a modelled container that runs is answered for, with what the proxy said of the client', async (t) => {
  const { adapter, proxy } = await stage(t);
  await play(t, adapter, [start(web), ensureListener(site), ensureListener(raw)]);
  const forwarded = { host: 'a.example', 'x-forwarded-for': '10.1.1.1', 'x-forwarded-proto': 'http' };
  t.deepEqual(await ask(socketOf(proxy, 'site'), '/x?y=1', { ...forwarded, cookie: 'a=b' }), {
    container: 'web',
    service: 'site',
    method: 'POST',
    path: '/x?y=1',
    headers: forwarded,
    received: 4,
  });
  t.is(await say(socketOf(proxy, 'raw'), 'one\ntwo'), 'web site\none\ntwo');
  t.not(socketOf(proxy, 'site'), socketOf(proxy, 'raw'), 'http and tcp of one service');
  const routes =
    proxy.process?.listeners.flatMap((served) => ('routes' in served ? served.routes : [])) ?? [];
  t.is(routes.find(({ rule }) => rule === 'off')?.backend, null, 'nobody answers for what nobody provides');
});

test('[ING-10] a container that stops answers no more, and one that comes answers, without any word to the proxy', async (t) => {
  const { adapter, proxy } = await stage(t);
  await play(t, adapter, [ensureListener(site)]);
  const socket = socketOf(proxy, 'site');
  const refused = { code: 'ENOENT' };
  await t.throwsAsync(ask(socket, '/'), refused, 'before it runs');
  for (const end of [stop('web'), removeContainer('web')]) {
    await play(t, adapter, [start(web)]);
    t.like(await ask(socket, '/'), { container: 'web' });
    const open = connect({ path: socket });
    await new Promise((resolve) => open.once('connect', resolve));
    const closed = new Promise((resolve) => open.once('close', resolve));
    await play(t, adapter, [end]);
    await closed;
    await t.throwsAsync(ask(socket, '/'), refused, end.action);
  }
  t.is(proxy.calls.length, 1);
});

test('[ING-11] a proxy outlives the controller: the next one knows what it serves, and changes or removes it', async (t) => {
  const { adapter, proxy, another, root } = await stage(t);
  await play(t, adapter, [start(web), ensureListener(site), ensureListener(raw)]);
  const before = (await observed(adapter)).get(ensureListener(site).key);
  const [served, socket] = [proxy.process, socketOf(proxy, 'site')];
  await adapter.close();
  t.is(proxy.process, served);
  await t.throwsAsync(ask(socket, '/'), { code: 'ENOENT' }, 'models end with the controller');
  const next = another();
  t.deepEqual((await observed(next)).get(ensureListener(site).key), before);
  t.is((await observed(next)).size, 2, 'no container is left of the model');
  await play(t, next, [start(web)]);
  t.like(await ask(socket, '/'), { container: 'web' });
  await play(t, next, [removeListener(site), removeListener(raw)]);
  t.is(proxy.process, null);
  t.false(existsSync(socket));
  t.false(existsSync(join(root, 'run/listeners.json')));
});

test('[ENG-2] a proxy that has died is drift of its listeners, which the watch tells, and is brought back', async (t) => {
  const { adapter, proxy, told } = await stage(t);
  await play(t, adapter, [ensureListener(site)]);
  proxy.die('killed by SIGKILL');
  const event = await firstValueFrom(told);
  t.is(event.type === 'observation' ? event.key : event.reason, ensureListener(site).key);
  t.regex(
    (await observed(adapter)).get(ensureListener(site).key)?.drift[0] ?? '',
    /^nothing listens at 127\.0\.0\.1:18080/,
  );
  t.deepEqual((await applied(t, adapter, ensureListener(site)))?.drift, []);
});

test('[ENG-8] what the proxy may not listen at is a conflict, and what it serves goes on', async (t) => {
  const { adapter, proxy } = await stage(t);
  await play(t, adapter, [ensureListener(site)]);
  const before = await observed(adapter);
  const low = listener(80, 'low');
  proxy.refuse = (listeners) => {
    const refused = listeners.find(({ port }) => port < 1024);
    const about = refused === undefined ? {} : { listener: refused.name };
    return refused === undefined ? null : new ProxyError('PortForbidden', 'it needs a right', about);
  };
  t.like(await adapter.apply(ensureListener(low)), {
    outcome: 'conflict',
    conflict: { code: 'PortForbidden', message: 'it needs a right' },
  });
  t.deepEqual(await observed(adapter), before);
});

test('[ING-4] what can not answer says why, and that it has changed', async (t) => {
  const root = await temporary(t);
  await writeFile(join(root, 'file'), '');
  const echoes = new EchoSockets(join(root, 'file/echo'));
  t.teardown(() => echoes.close());
  const socket = { container: 'web', socket: '/http/site' };
  const changed = firstValueFrom(echoes.changed);
  echoes.moved('web', 1);
  await echoes.keep([socket]);
  t.is(await changed, socket);
  t.regex(echoes.problemOf(socket) ?? '', /^nothing answers for web: ENOTDIR/);
});

test('[ING-4] a root that is too long for sockets is told with what it may have', (t) => {
  const root = `/${'x'.repeat(100)}`;
  const proxy = new ScriptedProxy();
  const make = () => servingMemoryAdapter({ root, proxy: async () => proxy, after: systemClock().after });
  t.throws(make, { instanceOf: RangeError, message: /at most 90 bytes; choose a shorter --root/ });
});
