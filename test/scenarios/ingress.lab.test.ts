import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { takePort } from '../contract/take-port.ts';
import type { Device } from './device.ts';
import { hostChanges, hostState } from './host-state.ts';
import { ingressDevice, type ProxyName, providerSocket, rule, statusOf, until } from './ingress-device.ts';
import { openBytes } from './open-streams.ts';

/** Rules of ingress on real LXC, as somebody sees them who writes them. */
const inLab = process.env.HOLDFAST_LAB === '1' ? test.serial : test.serial.skip;

const api = rule('public-api', 'http', ':80/api', 'api');
const web = rule('public-web', 'http', ':80/web', 'site');
const raw = rule('raw', 'tcp', ':9000', 'echo');

async function bodyOf(url: string): Promise<string> {
  return (await fetch(url)).text();
}

inLab(
  '[ING-3] [ING-6] rules that share a port share a listener; rules that collide refuse the whole state, and both are named',
  async (t) => {
    const { made, state } = await ingressDevice(t);
    await made.start();
    t.is((await made.apply(state([api, web]))).code, 0);
    await until('the provider answers', async () => (await statusOf('http://127.0.0.1/api')) === 200);
    t.is(await bodyOf('http://127.0.0.1/api/x'), 'GET /x\n');
    t.is(await bodyOf('http://127.0.0.1/web/y?z'), 'GET /y?z\n');
    t.is(await statusOf('http://127.0.0.1/apix'), 404);
    t.deepEqual(
      (await made.get('listeners')).map(({ name, phase }) => [name, phase]),
      [[':80', 'Ready']],
    );
    t.regex((await made.cli(['get', 'routes'])).stdout, /public-api(.|\n)*public-web/);

    const before = await hostState(made);
    for (const [other, of] of [
      [rule('other', 'http', '0.0.0.0:80/web', 'api'), 'public-web'],
      [rule('other', 'tcp', ':80', 'echo'), 'public-api'],
    ] as const) {
      const refused = await made.cli(['apply', '-'], { input: JSON.stringify(state([api, web, other])) });
      t.is(refused.code, 3, refused.stdout);
      for (const named of ['IngressCollision', 'other', of, '/device.json/ingress/2'])
        t.true(refused.stdout.includes(named), `${named}: ${refused.stdout}`);
      t.regex(refused.stdout, /\/device\.json\/ingress\/[01]\b/);
      t.regex(refused.stdout, /nothing was touched/);
    }
    t.deepEqual(hostChanges(before, await hostState(made)), []);
    t.is((await made.current()).revision, 1);
    t.is(await statusOf('http://127.0.0.1/web'), 200);
  },
);

inLab(
  '[ING-3] [ENG-8] a port that another process has fails the trial by its name, what is committed serves on, and the port can be had later',
  async (t) => {
    const { made, state } = await ingressDevice(t);
    await made.start();
    t.is((await made.apply(state([api, raw]))).code, 0);
    await until('the provider answers', async () => (await statusOf('http://127.0.0.1/api')) === 200);
    for (const taken of [rule('taken', 'http', ':8081/', 'api'), rule('taken', 'tcp', ':8081', 'echo')]) {
      const holder = await takePort(8081);
      const input = JSON.stringify(state([api, raw, taken]));
      try {
        const connection = await openBytes(t, '127.0.0.1', 9000);
        const answer = await made.cli(['apply', '-'], { input });
        t.is(answer.code, 1, answer.stdout);
        t.regex(answer.stdout, /is ERROR: .*port 8081/);
        const told = answer.stdout.replace(/\s+/g, ' ');
        t.true(
          told.includes(`process '${holder.process}' (pid ${process.pid}) listens at 127.0.0.1:8081`),
          told,
        );
        t.is(await statusOf('http://127.0.0.1/api'), 200);
        t.is(await connection.say('still here'), 'still here');
      } finally {
        await holder.release();
      }
      t.is((await made.cli(['apply', '-'], { input })).code, 0);
      t.is(await echoOrStatus(taken.type === 'tcp'), 'served');
      t.is((await made.apply(state([api, raw]))).code, 0);
    }

    async function echoOrStatus(isTcp: boolean): Promise<string> {
      if (!isTcp) return (await statusOf('http://127.0.0.1:8081/')) === 200 ? 'served' : 'not served';
      return (await openBytes(t, '127.0.0.1', 8081)).say('served');
    }
  },
);

/** What of the host ingress uses beside what `hostState` has. */
async function ingressState(made: Device) {
  const listening = (await made.run('ss', '--no-header', '--listening', '--tcp', '--numeric')).stdout;
  const commands = (await made.run('ps', '-ww', '-eo', 'args')).stdout.split('\n');
  return {
    listening: listening.split('\n').sort(),
    processes: commands.filter((line) => line.includes(join(made.root, 'run'))),
    loopbackRouting: await readFile('/proc/sys/net/ipv4/conf/pvbr0/route_localnet', 'utf8'),
    sockets: (await made.run('ss', '--no-header', '--listening', '--family=unix')).stdout
      .split('\n')
      .filter((line) => line.includes(made.root))
      .map((line) => line.replace(/\s+/g, ' ')),
  };
}

for (const proxy of ['builtin', 'haproxy'] satisfies readonly ProxyName[]) {
  inLab(
    `[ING-11] [ENG-6] rules that are removed leave nothing that listens, no rule, no process, no mount and no file: ${proxy}`,
    async (t) => {
      const { made, state } = await ingressDevice(t);
      await made.start('--proxy', proxy);
      t.is((await made.apply(state([]))).code, 0);
      const listens = async () => (await made.inside('web', 'test', '-S', providerSocket)).code === 0;
      await until('the provider listens', listens);
      const before = { host: await hostState(made), ingress: await ingressState(made) };
      t.is((await made.apply(state([api, web, raw]))).code, 0);
      await until('all is served', async () => (await statusOf('http://[::1]/web')) === 200);
      t.is(await (await openBytes(t, '127.0.0.1', 9000)).say('hello'), 'hello');
      const used = await ingressState(made);
      t.is(used.loopbackRouting, '1\n');
      t.not(used.processes.length, 0);
      t.not(hostChanges(before.host, await hostState(made)).length, 0);

      t.is((await made.apply(state([]))).code, 0);
      const changes = hostChanges(before.host, await hostState(made));
      // An empty directory, as the first of them has made it.
      t.deepEqual(
        changes.filter((change) => change !== '+ files: /run/proxy'),
        [],
      );
      t.deepEqual(await ingressState(made), before.ingress);
      t.is(await statusOf('http://127.0.0.1/web'), 0);
      await t.throwsAsync(openBytes(t, '127.0.0.1', 9000), { code: 'ECONNREFUSED' });
    },
  );
}
