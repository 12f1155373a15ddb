import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type ExampleName, makeExample } from '../../tools/demo/example.ts';
import { clientAddress, clientHost, curl, hostAddress, type Run, sayTo } from './client-host.ts';
import { Device } from './device.ts';

/** The examples of ingress as their readers have them: copied, with roots made for them, and applied. */
const inLab = process.env.HOLDFAST_LAB === '1' ? test.serial : test.serial.skip;

async function deviceWith(t: ExecutionContext, name: ExampleName) {
  const made = await Device.make('lxc');
  t.teardown(() => made.destroy());
  const example = await makeExample(join(made.directory, name), 'busybox', name);
  const client = await clientHost(t, made);
  const host: Run = (command, ...argv) => made.run(command, ...argv);
  return { made, example, client, host };
}

/** From where to which address of the host, and as whom the provider sees who asks. */
type Way = readonly [run: Run, host: string, seen: string];

async function pathsAreServed(t: ExecutionContext, ways: readonly Way[]): Promise<void> {
  for (const [run, host, seen] of ways) {
    const bare = host.replace(/[[\]]/g, '');
    t.is(await curl(run, `http://${host}/api/x?y=1`), `api: GET /x?y=1 for ${seen} by http\n200`, host);
    t.is(await curl(run, `http://${host}/api`), `api: GET / for ${seen} by http\n200`, host);
    t.regex(await curl(run, `http://${host}/apix`), /404$/, host);
    t.regex(await curl(run, '--insecure', `https://${host}/x`), /^api: GET \/x over TLS from .*\n200$/, host);
    t.is(await sayTo(run, bare, 2222, 'over here\n'), 'SSH-2.0-example\nover here\n', host);
  }
}

inLab(
  '[ING-1] [ING-4] [ING-6] [ING-9] the example ingress-paths: a path to a unix socket, TLS and raw tcp, from another host and from this one; IPv6 by a patch; whichever proxy',
  async (t) => {
    const { made, example, client, host } = await deviceWith(t, 'ingress-paths');
    await made.start('--proxy', 'builtin');
    const applied = await made.cli(['apply', example]);
    t.is(applied.code, 0, applied.stdout + applied.stderr);
    const ipv4: readonly Way[] = [
      [client, hostAddress.ipv4, clientAddress.ipv4],
      [host, hostAddress.ipv4, hostAddress.ipv4],
      [host, '127.0.0.1', '127.0.0.1'],
    ];
    await pathsAreServed(t, ipv4);
    t.regex(
      await curl(client, '--insecure', `https://${hostAddress.ipv4}/`),
      new RegExp(`from ${clientAddress.ipv4}\n`),
      'the kernel forwards: the provider sees who asks',
    );
    t.regex(await curl(host, 'http://[::1]/api/x'), /^curl ended with 7:/, 'not asked for');

    const patch = join(import.meta.dirname, '../../examples/ingress-paths-ipv6.json');
    const patched = await made.cli(['patch', patch]);
    t.is(patched.code, 0, patched.stdout + patched.stderr);
    const ipv6: readonly Way[] = [
      [client, `[${hostAddress.ipv6}]`, clientAddress.ipv6],
      [host, `[${hostAddress.ipv6}]`, hostAddress.ipv6],
      [host, '[::1]', '::1'],
    ];
    await pathsAreServed(t, [...ipv4, ...ipv6]);

    await made.end('SIGTERM');
    await made.start('--proxy', 'haproxy');
    await made.atRest();
    await pathsAreServed(t, [...ipv4, ...ipv6]);
  },
);

inLab(
  '[ING-4] [ING-8] the example ingress-nginx: a proxy in a pool is reached by tcp, and reaches its backend by name; the rule without a service is told and fails nothing',
  async (t) => {
    const { made, example, client, host } = await deviceWith(t, 'ingress-nginx');
    await made.start();
    const applied = await made.cli(['apply', example]);
    t.is(applied.code, 0, applied.stdout + applied.stderr);
    t.regex(applied.stdout, /ServiceNotFound/);
    t.regex(applied.stdout, /did you mean 'nginx-http'/);
    t.is((await made.history()).at(-1)?.phase, 'DONE');
    for (const [run, address] of [
      [client, hostAddress.ipv4],
      [host, hostAddress.ipv4],
      [host, '127.0.0.1'],
    ] as const) {
      t.is(await curl(run, `http://${address}/`), 'hello from app-1\n200', address);
      t.regex(await curl(run, `https://${address}/`), /^curl ended with 7:/, 'nothing listens there');
    }
    const listeners = await made.get('listeners');
    t.deepEqual(
      listeners.map(({ name, phase }) => [name, phase]),
      [
        ['0.0.0.0:80', 'Ready'],
        ['0.0.0.0:443', 'Blocked'],
      ],
    );
    const why = (await made.cli(['why', 'listener/0.0.0.0:443'])).stdout;
    t.regex(why, /found no service 'nginx-https' of container 'ingress-nginx'/);
  },
);
