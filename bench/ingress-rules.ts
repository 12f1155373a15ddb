import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FlatState } from '../state/revision.ts';
import type { EventRecord } from '../state/status.ts';
import { inits, makeBusyboxRoot } from '../test/lab/busybox-root.ts';
import { askJson, holdfast, type RunningController } from '../tools/controller.ts';
import { ask, rests } from './ask.ts';
import { inDirectory, withController } from './bench-directory.ts';
import { median, type Reading, reading } from './measure.ts';
import { OpenConnections, startOrigin } from './open-connections.ts';
import { succeed } from './run.ts';

const paths = 500;
const ports = 500;
const changes = 50;
const held = 1000;
const http = 18_080;

/** `paths` http rules on one port to a server of the host, and `ports` tcp rules to a container. */
function thousandRules(root: string, port: number): FlatState {
  const run = (name: string, network: { readonly mode: string } | { readonly pool: string }) => ({
    '#spec': 'service-manifest-run@1',
    name,
    type: 'lxc',
    'root-volume': `dir:${root}`,
    network,
  });
  const toApp = Array.from({ length: paths }, (_, index) => ({
    name: `path-${index}`,
    type: 'http',
    external: `127.0.0.1:${http}/r${index}`,
    provider: 'app',
    service: 'site',
  }));
  const toWeb = Array.from({ length: ports }, (_, index) => ({
    name: `port-${index}`,
    type: 'tcp',
    external: `0.0.0.0:${20_000 + index}`,
    provider: 'web',
    service: 'raw',
  }));
  return {
    '#spec': 'pantavisor-service-system@1',
    'device.json': { network: { pools: { one: { subnet: '10.79.0.0/24' } } }, ingress: [...toApp, ...toWeb] },
    'app/run.json': run('app', { mode: 'host' }),
    'app/services.json': [{ name: 'site', type: 'rest', port }],
    'web/run.json': run('web', { pool: 'one' }),
    'web/services.json': [{ name: 'raw', type: 'tcp', port: 80 }],
  };
}

/** Milliseconds from accepting the newest revision to its last listener being ready, as the event log has it. */
async function appliedWithin(controller: RunningController): Promise<number> {
  const { items } = await askJson<{ items: readonly EventRecord[] }>(controller, 'events');
  const accepted = items.findLastIndex(({ reason }) => reason === 'RevisionAccepted');
  const ready = items
    .slice(accepted)
    .filter(({ reason, key }) => reason === 'Ready' && key?.startsWith('listener/'));
  return (ready.at(-1)?.at ?? Number.NaN) - (items[accepted]?.at ?? Number.NaN);
}

/** Moves one rule to a path of its own: milliseconds from asking for it to being served there. */
async function change(controller: RunningController, number: number): Promise<number> {
  const path = `/moved-${number}`;
  const value = `127.0.0.1:${http}${path}`;
  const patch = [{ op: 'replace', path: `/device.json/ingress/${paths - 1}/external`, value }];
  const from = performance.now();
  const asked = ask({ socketPath: controller.socket }, 'PATCH', '/v1/revision', JSON.stringify(patch));
  while ((await ask({ port: http }, 'GET', path)).status !== 200);
  const took = performance.now() - from;
  const { status, body } = await asked;
  if (status !== 200)
    throw new Error(`expected the change of one rule to be taken, found ${status}: ${body}`);
  await rests(controller);
  return took;
}

const upgrade = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
const download = (path: string) => `GET ${path}/download HTTP/1.1\r\nHost: bench\r\n\r\n`;

async function changeOften(controller: RunningController): Promise<readonly Reading[]> {
  const [sockets, downloads] = [new OpenConnections(), new OpenConnections()];
  try {
    await sockets.open(held, http, upgrade('/r0/socket'));
    await downloads.open(held, http, download('/r1'));
    const took: number[] = [];
    for (let number = 0; number < changes; number += 1) took.push(await change(controller, number));
    const lost = (await sockets.lost('hello', 10_000)) + (await downloads.lost('', 10_000));
    return [
      reading(
        {
          name: `one of ${paths + ports} rules, asked for to served`,
          unit: 'ms',
          limit: { of: 'value', atMost: 80 },
        },
        median(took),
      ),
      reading(
        {
          name: `of ${held} WebSockets and ${held} downloads, lost over ${changes} changes`,
          unit: 'connections',
          limit: { of: 'value', atMost: 0 },
        },
        lost,
      ),
    ];
  } finally {
    sockets.close();
    downloads.close();
  }
}

/** What many rules cost on real LXC, and what changing one of them disturbs (ING-10). Belongs into a lab. */
export function ingressRules(): Promise<readonly Reading[]> {
  return inDirectory(async (directory) => {
    const image = await makeBusyboxRoot(join(directory, 'image'), inits.sleep);
    const origin = await startOrigin();
    const revision = join(directory, 'revision.json');
    writeFileSync(revision, JSON.stringify(thousandRules(image, origin.port)));
    try {
      return await withController({ adapter: 'lxc', root: join(directory, 'root') }, async (controller) => {
        try {
          await succeed(holdfast(controller, 'apply', revision, '--wait', '60'));
          const applied = await appliedWithin(controller);
          const limit = { of: 'value', atMost: 2000 } as const;
          const question = { name: `${paths + ports} rules, accepted to ready`, unit: 'ms', limit };
          return [reading(question, applied), ...(await changeOften(controller))];
        } finally {
          await succeed(holdfast(controller, 'down'));
        }
      });
    } finally {
      origin.close();
    }
  });
}
