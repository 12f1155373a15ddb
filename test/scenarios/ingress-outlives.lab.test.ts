import test from 'ava';
import {
  ingressDevice,
  killService,
  type ProxyName,
  proxyOf,
  rule,
  startService,
  statusOf,
  until,
} from './ingress-device.ts';
import { openBytes, openWebSocket, SlowDownload } from './open-streams.ts';

/** What carries connections goes on, whoever else ends: the controller, or the provider. */
const inLab = process.env.HOLDFAST_LAB === '1' ? test.serial : test.serial.skip;

/** More than all buffers on the way hold together. */
const fileSize = 128 << 20;
const mebibyte = 1 << 20;

const site = rule('site', 'http', ':80/site', 'site');
const api = rule('api', 'http', ':80/api', 'api');
const raw = rule('raw', 'tcp', ':9000', 'echo');
const more = rule('more', 'http', ':80/more', 'api');

for (const proxy of ['builtin', 'haproxy'] satisfies readonly ProxyName[]) {
  inLab(
    `[ING-11] [ING-10] a controller that is killed breaks no connection, and the next one changes rules under them: ${proxy}`,
    async (t) => {
      const { made, state } = await ingressDevice(t);
      await made.start('--proxy', proxy);
      t.is((await made.apply(state([site, api, raw]))).code, 0);
      await until('the provider answers', async () => (await statusOf('http://127.0.0.1/site')) === 200);
      const download = await SlowDownload.begin(t, 'http://127.0.0.1/site', fileSize);
      const echoes = [
        await openWebSocket(t, 'ws://127.0.0.1/api/ws'),
        await openWebSocket(t, 'ws://[::1]/site/ws'),
        await openBytes(t, '127.0.0.1', 9000),
        await openBytes(t, '::1', 9000),
      ];
      const allGoOn = async (when: string) => {
        await download.take(mebibyte);
        t.true(download.received < fileSize / 4, 'the download is still under way');
        for (const echo of echoes) t.is(await echo.say(when), when);
      };
      await allGoOn('before');
      const before = await proxyOf(made, proxy);

      await made.end('SIGKILL');
      await allGoOn('without a controller');
      t.is(await statusOf('http://127.0.0.1/api'), 200, 'new connections, too');
      await made.start('--proxy', proxy);
      await made.atRest();
      t.false(
        made.log.some((line) => line.includes('"reason":"StepDone"')),
        'all is as it should be',
      );
      t.deepEqual(await proxyOf(made, proxy), before);
      await allGoOn('with the next controller');

      t.is(await statusOf('http://127.0.0.1/more'), 404);
      t.is((await made.apply(state([site, api, raw, more]))).code, 0);
      t.is(await statusOf('http://127.0.0.1/more'), 200);
      await allGoOn('with one rule more');
      t.is((await made.apply(state([site, api, raw]))).code, 0);
      t.is(await statusOf('http://127.0.0.1/more'), 404);
      await allGoOn('with one rule less');
      t.true(await download.isWhole());
      t.is((await proxyOf(made, proxy))?.pid, before?.pid);
    },
  );

  inLab(
    `[ING-10] [ING-6] while its provider is away a rule answers 503, and serves again with it, without a reload: ${proxy}`,
    async (t) => {
      const { made, state } = await ingressDevice(t);
      const recovery = { policy: 'always', retry_delay: 0.5 };
      await made.start('--proxy', proxy);
      t.is((await made.apply(state([site, api, raw], { auto_recovery: recovery }))).code, 0);
      const sockets = ['http://127.0.0.1/site', 'http://[::1]/site'];
      const all = [...sockets, 'http://127.0.0.1/api'];
      const answer = (urls: readonly string[], status: number) => async () =>
        (await Promise.all(urls.map(statusOf))).every((found) => found === status);
      await until('the provider answers', answer(all, 200));
      const before = await proxyOf(made, proxy);
      const listeners = await made.get('listeners');

      await killService(made);
      await until('without its service', answer(all, 503));
      await startService(made);
      t.log(`the service is back: ${await until('with its service', answer(all, 200))} ms`);
      const { web } = await made.pids();
      await made.run('kill', '-9', String(web));
      // A container that is not there takes the kernel seconds to find out: a request to its address waits, and may meet the next one.
      await until('without its container', answer(sockets, 503));
      t.log(`the container is back: ${await until('with its container', answer(all, 200))} ms`);
      t.not((await made.pids()).web, web);

      t.deepEqual(await proxyOf(made, proxy), before);
      t.deepEqual(await made.get('listeners'), listeners);
    },
  );
}
