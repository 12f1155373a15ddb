import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createBuiltinProxy } from '../adapters/proxy/builtin/builtin-proxy.ts';
import { createHaproxy } from '../adapters/proxy/haproxy/haproxy.ts';
import type { Proxy as HostProxy, RestListener } from '../adapters/proxy/proxy.ts';
import { systemClock } from '../controller/clock.ts';
import { inDirectory } from './bench-directory.ts';
import { isListening } from './links-ground.ts';
import { restThrough, type Served, serveHttp } from './links-proxied.ts';
import { median, quantile, type Reading, reading, timed } from './measure.ts';

/** Links that are there, and links that come one after another while they are. */
const [present, coming] = [1000, 200];

const directory = 'run/link-proxy';

interface Ground {
  readonly root: string;
  /** Socket of the provider. */
  readonly own: string;
}

function link({ root, own }: Ground, index: number): RestListener {
  return {
    name: `link/consumer-${index}/run/api.sock`,
    type: 'rest',
    path: join(root, 'links', `${index}.sock`),
    backend: { type: 'socket', path: own },
    client: `consumer-${index}`,
    role: 'any',
  };
}

/** Runs `work`, after which nothing is served. */
async function whileServed<Result>(proxy: HostProxy, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } finally {
    await proxy.serve([]);
    proxy.close();
  }
}

/** The same two headers, as one has HAProxy set them by hand. */
async function byHand({ root, own }: Ground, linked: string): Promise<Served> {
  const file = join(root, 'by-hand.cfg');
  writeFileSync(
    file,
    `global
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 1m
  timeout server 1m
listen bench
  bind unix@${linked}
  http-request set-header X-PV-Client consumer
  http-request set-header X-PV-Role any
  server provider unix@${own}
`,
  );
  const child = spawn('haproxy', ['-f', file], { stdio: ['ignore', 'ignore', 'inherit'] });
  while (!(await isListening(linked))) await delay(20);
  return {
    end: async () => {
      child.kill();
      await once(child, 'exit');
    },
  };
}

async function carried(ground: Ground): Promise<readonly Reading[]> {
  const { root, own } = ground;
  const { after } = systemClock();
  const one = link(ground, 0);
  const through = async (proxy: HostProxy, carrier: string, limited: boolean) =>
    whileServed(proxy, async () => {
      await proxy.serve([one]);
      return restThrough({ own, linked: one.path }, carrier, limited);
    });
  const hand = join(root, 'links/by-hand.sock');
  const peer = await byHand(ground, hand);
  const theirs = await restThrough({ own, linked: hand }, 'HAProxy by hand', false).finally(() => peer.end());
  return [
    ...theirs,
    ...(await through(createHaproxy({ root, directory, after }), 'HAProxy', true)),
    ...(await through(createBuiltinProxy({ root, directory, after }), 'the built-in proxy', false)),
  ];
}

/** Resolves when it has been answered. */
function answered(socketPath: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  request({ socketPath, agent: false }, (response) => response.resume().once('end', resolve))
    .once('error', reject)
    .end();
  return promise;
}

/** From telling the proxy of one more link to an answer through it. */
async function usable(ground: Ground, proxy: HostProxy, limited: boolean): Promise<readonly Reading[]> {
  const links = Array.from({ length: present }, (_, index) => link(ground, index));
  const took: number[] = [];
  await proxy.serve(links);
  for (let index = present; index < present + coming; index += 1) {
    const come = link(ground, index);
    links.push(come);
    took.push(
      await timed(async () => {
        await proxy.serve(links);
        await answered(come.path);
      }),
    );
  }
  const name = `rest link by ${proxy.name}, the next of ${present}, answered`;
  return [
    reading({ name, unit: 'ms', ...(limited && { limit: { of: 'value', atMost: 10 } }) }, median(took)),
    reading(
      { name: `${name}, 99 in 100`, unit: 'ms', ...(limited && { limit: { of: 'value', atMost: 50 } }) },
      quantile(took, 0.99),
    ),
  ];
}

/** What carries rest links, apart from containers (LINK-5, LINK-10). */
export function restLinks(): Promise<readonly Reading[]> {
  return inDirectory(async (root) => {
    mkdirSync(join(root, 'links'));
    const ground = { root, own: join(root, 'own.sock') };
    const provider = await serveHttp(ground.own, root);
    try {
      const { after } = systemClock();
      const [haproxy, builtin] = [createHaproxy, createBuiltinProxy].map((create) =>
        create({ root, directory, after }),
      );
      if (haproxy === undefined || builtin === undefined) throw new Error('expected two proxies');
      return [
        ...(await whileServed(haproxy, () => usable(ground, haproxy, true))),
        ...(await whileServed(builtin, () => usable(ground, builtin, false))),
        ...(await carried(ground)),
      ];
    } finally {
      await provider.end();
    }
  });
}
