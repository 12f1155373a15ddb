import { copyFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { json, text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { type ProxyName, until } from './ingress-device.ts';
import { heard, idle, LinkDevice, linkFacts, supervised } from './link-device.ts';
import { openWebSocket, SlowDownload } from './open-streams.ts';
import { type Part, stateOf } from './states.ts';

/** HTTP from one container to another over a socket, on real LXC: who asks is said of every request, by nobody but us. */
const inLab = process.env.HOLDFAST_LAB === '1' ? test.serial : test.serial.skip;

const socket = '/run/example/api.sock';
const provides = [{ name: 'api', type: 'rest', socket }];

/** What a client may try in order to be somebody else. */
const forged = {
  'X-PV-Client': 'server',
  'x-pv-client': 'server',
  'X-Pv-Role': 'root',
  'X-PV-Other': 'anything',
  Connection: 'keep-alive, X-PV-Client',
};

async function running(t: ExecutionContext, proxy: ProxyName) {
  const device = await LinkDevice.make(t, process.execPath);
  await copyFile(join(import.meta.dirname, 'provider-program.ts'), join(device.base, 'provider-program.ts'));
  const run = supervised(`${process.execPath} /provider-program.ts ${socket} 8080`);
  const server = await device.container('server', run, { provides });
  const requires = [
    { name: 'api', target: '/run/pv/services/api.sock' },
    { name: 'api', target: '/operator.sock', role: 'operator' },
  ];
  const client = await device.container('client', idle, { requires });
  const { made } = device;
  await made.start('--proxy', proxy);
  const answer = await made.apply(stateOf({}, {}, server, client));
  t.is(answer.code, 0, answer.stdout);
  const pids = await made.pids();
  const at = (path: string) => LinkDevice.inside(pids.client, path);
  const [plain, operator] = [at('/run/pv/services/api.sock'), at('/operator.sock')];
  await until('the link serves', async () => (await statusAt(plain)) === 200);
  return { made, device, server, plain, operator };
}

interface Asked {
  readonly agent?: Agent;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Headers as they reached the provider, in lower case, each with all of its values. */
function headersAt(socketPath: string, asked: Asked = {}): Promise<ReadonlyMap<string, readonly string[]>> {
  return new Promise((resolve, reject) => {
    const { body = '', ...options } = asked;
    request({ socketPath, path: '/headers', ...options }, (answer) => {
      json(answer).then((pairs) => resolve(grouped(pairs as readonly string[])), reject);
    })
      .once('error', reject)
      .end(body);
  });
}

function grouped(pairs: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (let index = 0; index < pairs.length; index += 2) {
    const name = (pairs[index] ?? '').toLowerCase();
    found.set(name, [...(found.get(name) ?? []), pairs[index + 1] ?? '']);
  }
  return found;
}

/** What the provider is told about who asks. */
function identity(headers: ReadonlyMap<string, readonly string[]>): Part {
  return Object.fromEntries(
    [...headers].filter(([name]) => name.startsWith('x-pv-')).map(([name, values]) => [name, [...values]]),
  );
}

/** 0: nobody listens, or nothing is there. */
async function statusAt(socketPath: string): Promise<number> {
  try {
    return await new Promise((resolve, reject) => {
      request({ socketPath, path: '/', agent: false }, (answer) => {
        text(answer).then(() => resolve(answer.statusCode ?? 0), reject);
      })
        .once('error', reject)
        .end();
    });
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ECONNREFUSED', 'ECONNRESET'].includes(code)) return 0;
    throw error;
  }
}

for (const proxy of ['builtin', 'haproxy'] satisfies readonly ProxyName[]) {
  inLab(
    `[LINK-5] [LINK-3] every request of a connection that is kept says who it is from, whatever the client says of itself: ${proxy}`,
    async (t) => {
      const { plain, operator } = await running(t, proxy);
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      t.teardown(() => agent.destroy());
      const client = { 'x-pv-client': ['client'] };
      for (const [asked, what] of [
        [{}, 'nothing said'],
        [{ headers: forged }, 'forged'],
        [{ method: 'POST', headers: forged, body: 'x'.repeat(100_000) }, 'with a body'],
      ] as const) {
        for (const [path, role] of [
          [plain, 'any'],
          [operator, 'operator'],
        ] as const) {
          const found = identity(await headersAt(path, { ...asked, agent }));
          t.deepEqual(found, { ...client, 'x-pv-role': [role] }, `${what}, as ${role}`);
        }
      }
      t.is(Object.values(agent.freeSockets).flat().length, 2, 'one connection each was kept');

      // The second request stands in the body of the first, as who would smuggle it has it (RFC 9112, 11.2).
      const smuggled = 'GET /headers HTTP/1.1\r\nHost: x\r\nX-PV-Client: server\r\n\r\n';
      const first = `POST /headers HTTP/1.1\r\nHost: x\r\nContent-Length: ${smuggled.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`;
      t.notRegex(await heard(plain, first), /"X-PV-Client","server"/i);
    },
  );

  inLab(
    `[LINK-5] an upgrade, and bodies without end, go through; the link serves again when its provider does: ${proxy}`,
    async (t) => {
      const { made, plain } = await running(t, proxy);
      const echo = await openWebSocket(t, 'ws://localhost/ws', plain);
      t.is(await echo.say('hello'), 'hello');
      const download = await SlowDownload.begin(t, 'http://localhost', 32 << 20, plain);
      await download.take(1 << 20);
      t.true(download.received < download.total, 'it is not waited for');
      t.true(await download.isWhole());
      t.is(await echo.say('still here'), 'still here');

      await made.inside('server', 'sh', '-c', 'kill -9 $(busybox pidof node)');
      t.log(
        `the provider is back: ${await until('it serves', async () => (await statusAt(plain)) === 200)} ms`,
      );
      const link = (await made.get('links')).find(({ name }) => name.endsWith('api.sock'));
      t.is(linkFacts(link)?.carrier, proxy);
    },
  );
}
