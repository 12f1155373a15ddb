import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nftPortForwarding } from '../adapters/linux/nft-port-forwarding.ts';
import { createBuiltinProxy } from '../adapters/proxy/builtin/builtin-proxy.ts';
import { createHaproxy } from '../adapters/proxy/haproxy/haproxy.ts';
import type { Proxy as HostProxy, ProxyBackend, ProxyListener } from '../adapters/proxy/proxy.ts';
import { systemClock } from '../controller/clock.ts';
import { inDirectory } from './bench-directory.ts';
import { ground, nginx, onGround, type Running, requestsPerSecond, startServer } from './ingress-ground.ts';
import { inTurns, type Reading, reading } from './measure.ts';

const rounds = 5;
const address: ProxyBackend = { type: 'address', address: ground.address, port: ground.port };

function listener(type: 'tcp' | 'http', port: number, path: string, backend: ProxyBackend): ProxyListener {
  const route = { rule: 'bench', host: null, path, keepPrefix: false, backend };
  return { name: `:${port}`, type, addresses: ['0.0.0.0'], port, routes: [route] };
}

const at = (port: number, path = '/'): string => `http://${ground.host}:${port}${path}`;

/** Requests through us against requests through a peer, in turns. */
async function compare(
  name: string,
  ours: string,
  peer: { readonly name: string; readonly url: string },
  atLeast: number | null,
): Promise<readonly Reading[]> {
  const readings: Reading[] = [];
  for (const mode of ['kept', 'each'] as const) {
    const [own = 0, theirs = 0] = await inTurns(rounds, [
      () => requestsPerSecond(ours, mode),
      () => requestsPerSecond(peer.url, mode),
    ]);
    const spoken = mode === 'kept' ? '32 connections kept' : 'a connection per request';
    const question = {
      name: `${name}, ${spoken}`,
      unit: 'requests/s',
      peer: { name: peer.name, value: theirs },
    };
    const limit = atLeast === null ? {} : { limit: { of: 'ratio', atLeast } as const };
    readings.push(reading({ ...question, ...limit }, own));
  }
  return readings;
}

/** tcp through the kernel, against the routed path to the same server. */
async function forwarded(root: string): Promise<readonly Reading[]> {
  const forwarding = nftPortForwarding({ root, after: systemClock().after });
  const bridges = [{ bridge: ground.bridge, subnet: ground.subnet }];
  const forward = {
    rule: 'bench',
    address: '0.0.0.0',
    port: 9001,
    toAddress: ground.address,
    toPort: ground.port,
  };
  try {
    await forwarding.write([forward], bridges);
    const routed = { name: 'the routed path', url: `http://${ground.address}:${ground.port}/` };
    return await compare('tcp to an address, by the kernel', at(9001), routed, 0.97);
  } finally {
    await forwarding.write([], []);
  }
}

/** Runs `work` while the proxy serves this. */
async function serving<Result>(
  proxy: HostProxy,
  served: readonly ProxyListener[],
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    await proxy.serve(served);
    return await work();
  } finally {
    await proxy.serve([]);
    proxy.close();
  }
}

/** The same route in nginx, as one writes it by hand, and with connections to the provider kept as its experts do. */
const routesByHand = `  upstream provider { server ${ground.address}:${ground.port}; keepalive 64; }
  server { listen 9003; location /x/ {
    proxy_pass http://${ground.address}:${ground.port}/; proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto http;
  } }
  server { listen 9007; location /x/ {
    proxy_pass http://provider/; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto http;
  } }`;

async function routed(root: string, directory: string): Promise<readonly Reading[]> {
  const byHand = await startServer(nginx(directory, 'by-hand', routesByHand), {
    address: ground.host,
    port: 9003,
  });
  const plain = { name: 'nginx by hand', url: at(9003, '/x/') };
  const tuned = { name: 'nginx that keeps connections to the provider', url: at(9007, '/x/') };
  const { after } = systemClock();
  try {
    const haproxy = createHaproxy({ root, after });
    const ours = await serving(haproxy, [listener('http', 9002, '/x', address)], async () => [
      ...(await compare('http, by HAProxy', at(9002, '/x/'), plain, 0.95)),
      ...(await compare('http, by HAProxy', at(9002, '/x/'), tuned, null)),
    ]);
    const builtin = createBuiltinProxy({ root, after });
    const own = await serving(builtin, [listener('http', 9004, '/x', address)], async () => [
      ...(await compare('http, by the built-in proxy', at(9004, '/x/'), plain, 0.6)),
      ...(await compare('http, by the built-in proxy', at(9004, '/x/'), tuned, null)),
    ]);
    return [...ours, ...own];
  } finally {
    await byHand.end();
  }
}

/** tcp to a unix socket, against HAProxy as one configures it by hand. */
async function toSocket(root: string, directory: string, socket: string): Promise<readonly Reading[]> {
  const file = join(directory, 'by-hand.cfg');
  writeFileSync(
    file,
    `global
  maxconn 4096
defaults
  mode tcp
  timeout connect 5s
  timeout client 1m
  timeout server 1m
listen bench
  bind 0.0.0.0:9006
  server provider unix@${socket}
`,
  );
  const byHand = await startServer(['haproxy', '-f', file], { address: ground.host, port: 9006 });
  try {
    const served = [listener('tcp', 9005, '', { type: 'socket', path: socket })];
    return await serving(createHaproxy({ root, after: systemClock().after }), served, () =>
      compare('tcp to a socket', at(9005), { name: 'HAProxy by hand', url: at(9006) }, 0.95),
    );
  } finally {
    await byHand.end();
  }
}

/** What carries connections, between a client and a provider in namespaces of their own (ING-5, ING-6, ING-9). Belongs into a lab. */
export function ingress(): Promise<readonly Reading[]> {
  return inDirectory((directory) =>
    onGround(async () => {
      const socket = join(directory, 'provider.sock');
      const page = `return 200 "${'x'.repeat(1023)}\\n";`;
      const servers = `  server { listen ${ground.port}; listen unix:${socket}; location / { ${page} } }`;
      const provider: Running = await startServer(nginx(directory, 'provider', servers), {
        namespace: ground.provider,
        address: ground.address,
        port: ground.port,
      });
      try {
        return [
          ...(await forwarded(directory)),
          ...(await routed(directory, directory)),
          ...(await toSocket(directory, directory, socket)),
        ];
      } finally {
        await provider.end();
      }
    }),
  );
}
