import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { firstValueFrom } from 'rxjs';
import type { Adapter } from '../../../adapters/adapter.ts';
import { servingMemoryAdapter } from '../../../adapters/memory/serve.ts';
import { ProxyError, type ProxyListener } from '../../../adapters/proxy/proxy.ts';
import type { ListenerSpec } from '../../../state/resource.ts';
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
import { applied, isListener, observed, play } from '../../contract/stage.ts';
import { ScriptedProxy } from './scripted-proxy.ts';

interface Stage {
  readonly root: string;
  readonly proxy: ScriptedProxy;
  readonly adapter: Adapter;
  /** The adapter of the next controller, at the same proxy. */
  another(): Adapter;
}

async function stage(t: ExecutionContext): Promise<Stage> {
  const root = await mkdtemp(join(tmpdir(), 'serve-'));
  const proxy = new ScriptedProxy();
  const adapters: Adapter[] = [];
  const another = () => {
    const adapter = servingMemoryAdapter({ root, proxy });
    adapters.push(adapter);
    return adapter;
  };
  t.teardown(async () => {
    for (const adapter of adapters) await adapter.close();
    await rm(root, { recursive: true, force: true });
  });
  return { root, proxy, adapter: another(), another };
}

const web = container('web', { type: 'directory', path: '/nowhere' }, []);
const site = listener(18_080, 'site', {
  routes: [route('site'), route('off', { path: '/off', backend: null })],
});
const raw = listener(18_022, 'raw', { type: 'tcp' });
/** As a rule of `:18080` makes it. */
const everywhere = listener(18_080, 'site', { addresses: ['0.0.0.0', '::'] });

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

const namesOf = (listeners: readonly ProxyListener[] | undefined) => listeners?.map(({ name }) => name);

async function factsOf(adapter: Adapter, spec: ListenerSpec) {
  const found = (await observed(adapter)).get(ensureListener(spec).key);
  return found !== undefined && isListener(found) ? { drift: found.drift, ...found.facts } : null;
}

test('[ING-4] a service of a modelled container that runs is answered, with what the proxy said of the client', async (t) => {
  const { adapter, proxy } = await stage(t);
  await play(t, adapter, [start(web), ensureListener(site), ensureListener(raw)]);
  const headers = {
    host: 'a.example',
    'x-forwarded-for': '10.1.1.1',
    'x-forwarded-proto': 'http',
    cookie: 'a=b',
  };
  t.deepEqual(await ask(socketOf(proxy, 'site'), '/x?y=1', headers), {
    container: 'web',
    service: 'site',
    method: 'POST',
    path: '/x?y=1',
    headers: { host: 'a.example', 'x-forwarded-for': '10.1.1.1', 'x-forwarded-proto': 'http' },
    received: 4,
  });
  t.is(await say(socketOf(proxy, 'raw'), 'one\ntwo'), 'web site\none\ntwo');
  t.not(socketOf(proxy, 'site'), socketOf(proxy, 'raw'), 'http and tcp of one service');
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
  const [before, served, socket] = [
    (await observed(adapter)).get(ensureListener(site).key),
    proxy.process,
    socketOf(proxy, 'site'),
  ];
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

test('[ING-10] what one step says to the proxy are the listeners that it serves, and the one of the step', async (t) => {
  const { adapter, proxy } = await stage(t);
  await play(t, adapter, [ensureListener(site), ensureListener(raw)]);
  t.deepEqual(namesOf(proxy.calls.at(-1)), ['127.0.0.1:18080', '127.0.0.1:18022']);
  await play(t, adapter, [ensureListener({ ...site, routes: [route('other')] })]);
  t.deepEqual(namesOf(proxy.calls.at(-1)), ['127.0.0.1:18022', '127.0.0.1:18080']);
  t.deepEqual(
    proxy.calls.at(-1)?.[1]?.routes.map(({ rule }) => rule),
    ['other'],
  );
  await play(t, adapter, [removeListener(raw)]);
  t.deepEqual(namesOf(proxy.calls.at(-1)), ['127.0.0.1:18080']);
});

test('[ENG-2] a proxy that has died leaves drift of each of its listeners, which the watch tells; each is brought back by itself', async (t) => {
  const { adapter, proxy } = await stage(t);
  await play(t, adapter, [ensureListener(site), ensureListener(raw)]);
  const told = firstValueFrom(adapter.watch());
  proxy.die('killed by SIGKILL');
  const event = await told;
  t.like(event, { type: 'observation', key: ensureListener(site).key });
  t.deepEqual(await factsOf(adapter, site), {
    drift: ['nothing listens at 127.0.0.1:18080'],
    carriers: ['model'],
  });
  t.deepEqual((await applied(t, adapter, ensureListener(raw)))?.drift, []);
  t.deepEqual(
    namesOf(proxy.process?.listeners),
    ['127.0.0.1:18022'],
    'what is not there is not believed to be',
  );
  t.deepEqual((await applied(t, adapter, ensureListener(site)))?.drift, []);
});

test('[ENG-2] other rules than those of the listener are drift', async (t) => {
  const { adapter, proxy } = await stage(t);
  await play(t, adapter, [ensureListener(site)]);
  const [served] = proxy.process?.listeners ?? [];
  if (served === undefined) return t.fail();
  proxy.process = { pid: 1, reloads: 0, listeners: [{ ...served, routes: [] }] };
  t.deepEqual(await factsOf(adapter, site), {
    drift: ['other rules are served than it has'],
    carriers: ['builtin'],
  });
});

const refusals: readonly (readonly [code: string, outcome: 'conflict' | 'failed', said: RegExp])[] = [
  ['PortTaken', 'conflict', /^it was said so$/],
  ['AddressNotHere', 'conflict', /^it was said so$/],
  ['PortForbidden', 'conflict', /^it was said so; take a port from 1024 on/],
  ['ProxyFailed', 'failed', /^it was said so$/],
];

for (const [code, outcome, said] of refusals) {
  test(`[ENG-8] a step that the proxy refuses with ${code} ends as ${outcome} and changes nothing`, async (t) => {
    const { adapter, proxy, another } = await stage(t);
    await play(t, adapter, [ensureListener(raw), ensureListener(site)]);
    const before = await observed(adapter);
    proxy.refuse = (listeners) =>
      listeners.some(({ routes }) => routes.some(({ rule }) => rule === 'refused'))
        ? new ProxyError(code, 'it was said so', { log: ['a line'] })
        : null;
    for (const spec of [{ ...site, routes: [route('refused')] }, listener(18_081, 'refused')]) {
      const result = await adapter.apply(ensureListener(spec));
      t.is(result.outcome, outcome);
      if (result.outcome === 'conflict') t.like(result.conflict, { code });
      if (result.outcome === 'failed') t.like(result.error, { code, log: ['a line'] });
      const { message } = result.outcome === 'conflict' ? result.conflict : { message: 'it was said so' };
      t.regex(message, said);
      t.deepEqual(await observed(adapter), before);
    }
    t.deepEqual(await observed(another()), before, 'nor does the next controller see anything of it');
  });
}

test('[ING-2] a host without IPv6 is listened at by IPv4 alone, which is said and is no drift', async (t) => {
  const { adapter, proxy, another } = await stage(t);
  const absent = new ProxyError('AddressNotHere', 'this host has no IPv6');
  proxy.refuse = (listeners) =>
    listeners.some(({ addresses }) => addresses.some((address) => address.includes(':'))) ? absent : null;
  await play(t, adapter, [ensureListener(everywhere)]);
  const facts = {
    drift: [],
    carriers: ['builtin', 'model'],
    warnings: ['nothing listens at [::]:18080: this host has no such address'],
  };
  t.deepEqual(await factsOf(adapter, everywhere), facts);
  t.deepEqual(await factsOf(another(), everywhere), facts);
  const alone = listener(18_081, 'site', { addresses: ['::'] });
  t.is((await adapter.apply(ensureListener(alone))).outcome, 'conflict');
});

test('[ING-4] what a rule has carried is told by its listener', async (t) => {
  const { adapter, proxy } = await stage(t);
  const counts = { connections: 3, bytesIn: 20, bytesOut: 30 };
  proxy.carried = [{ listener: ':80', rule: 'site', ...counts }];
  t.deepEqual(await adapter.traffic(), [{ listener: 'listener/:80', rule: 'site', ...counts }]);
});

for (const [what, text] of [
  ['no JSON', '{'],
  ['of another format', '{"format":7,"listeners":[]}'],
] as const) {
  test(`[ENG-4] a record of listeners that is ${what} is no reason to believe that there are none`, async (t) => {
    const { adapter, proxy, another, root } = await stage(t);
    await play(t, adapter, [ensureListener(site)]);
    const path = join(root, 'run/listeners.json');
    await writeFile(path, text);
    const next = another();
    await t.throwsAsync(observed(next), {
      message: new RegExp(`found ${path} to be no record of listeners`),
    });
    t.like(await next.apply(ensureListener(raw)), { outcome: 'failed' });
    t.is(proxy.calls.length, 1, 'nothing was said to the proxy');
  });
}

test('[ING-4] a root that is too long for sockets is told with its length', async (t) => {
  const { root } = await stage(t);
  const proxy = new ScriptedProxy();
  const adapter = servingMemoryAdapter({ root: join(root, 'x'.repeat(80)), proxy });
  const result = await adapter.apply(ensureListener(site));
  t.regex(
    result.outcome === 'failed' ? result.error.message : '',
    /expected at most 107; choose a shorter --root/,
  );
  t.deepEqual([await observed(adapter), proxy.calls], [new Map(), []]);
  await adapter.close();
  t.true(proxy.closed);
});
