import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { FlatState } from '../state/revision.ts';

/** Containers with very many links, and what serves and uses them. */

/** Of the links that are just there: so many consumers, with so many links each, to so many services. */
const crowd = { consumers: 10, linksEach: 100, services: 10 } as const;

/** Links that are just there. */
export const present = crowd.consumers * crowd.linksEach;

/** What is measured: a service of `server`, and where `probe` has it. */
export const probed = { socket: '/run/example/probed.sock', target: '/run/probed.sock' } as const;

/** The name that an echo on a bus has, and that alone may be called: `dbus-test-tool spam` calls an interface of this name. */
export const echoName = 'com.example';

/** The body of an init that makes the directory of the services, and goes on until it is asked to end. */
export const init = 'trap "exit 0" TERM\nmkdir -p /run/example\nwhile :; do sleep 2147483647 & wait $!; done';

function run(name: string, root: string) {
  return {
    '#spec': 'service-manifest-run@1',
    name,
    type: 'lxc',
    'root-volume': `dir:${root}`,
    // Whoever is killed comes back at once, however often.
    auto_recovery: { policy: 'always', retry_delay: 0.01, backoff_factor: 1 },
  };
}

const socketOf = (service: number) => `/run/example/${service}.sock`;

/** `server`, `probe` and the crowd, with all links or with none of them. */
export function crowded(root: string, linked: boolean): FlatState {
  const services = Array.from({ length: crowd.services }, (_, index) => ({
    name: `service-${index}`,
    type: 'unix',
    socket: socketOf(index),
  }));
  const requires = Array.from({ length: crowd.linksEach }, (_, index) => ({
    name: `service-${index % crowd.services}`,
    target: `/run/links/${index}.sock`,
  }));
  const consumers = Array.from({ length: crowd.consumers }, (_, index) => `consumer-${index}`);
  return {
    '#spec': 'pantavisor-service-system@1',
    'server/run.json': run('server', root),
    'server/services.json': [...services, { name: 'probed', type: 'unix', socket: probed.socket }],
    'probe/run.json': run('probe', root),
    'probe/args.json': { PV_SERVICES_REQUIRED: linked ? [{ name: 'probed', target: probed.target }] : [] },
    ...Object.fromEntries(
      consumers.flatMap((name) => [
        [`${name}/run.json`, run(name, root)],
        [`${name}/args.json`, { PV_SERVICES_REQUIRED: linked ? requires : [] }],
      ]),
    ),
  };
}

/** Services that a process of ours carries, at `server`, and where `probe` has them. */
export const spokenAt = {
  http: { socket: '/run/example/api.sock', target: '/run/api.sock' },
  bus: { socket: '/run/example/bus.sock', target: '/run/bus.sock' },
} as const;

/** `server` and `probe` alone, with a rest and a dbus link or without. */
export function spoken(root: string, linked: boolean): FlatState {
  const { http, bus } = spokenAt;
  const requires = [
    { name: 'api', target: http.target },
    { name: 'bus', target: bus.target, role: 'root', interface: echoName },
  ];
  return {
    '#spec': 'pantavisor-service-system@1',
    'server/run.json': run('server', root),
    'server/services.json': [
      { name: 'api', type: 'rest', socket: http.socket },
      { name: 'bus', type: 'dbus', socket: bus.socket },
    ],
    'probe/run.json': run('probe', root),
    'probe/args.json': { PV_SERVICES_REQUIRED: linked ? requires : [] },
  };
}

/** A container's path, as this process reaches it while the container runs as that one. */
export function within(pid: number, path: string): string {
  return `/proc/${pid}/root${path}`;
}

/** An echo at a container's path; it is there when this resolves. */
export async function echoAt(path: string): Promise<Server> {
  rmSync(path, { force: true });
  const server = createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket));
  server.listen(path);
  await once(server, 'listening');
  return server;
}

/** An echo at each socket of the crowd's services. */
export function crowdEchoes(server: number): Promise<readonly Server[]> {
  const paths = Array.from({ length: crowd.services }, (_, index) => within(server, socketOf(index)));
  return Promise.all(paths.map(echoAt));
}

/** A connection is accepted, and `words`, where there are any, are answered with something. */
async function answers(path: string, words: string): Promise<boolean> {
  const socket = connect({ path });
  try {
    await once(socket, 'connect');
    if (words === '') return true;
    socket.write(words);
    await once(socket, 'data');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Somebody listens at this path. */
export const isListening = (path: string): Promise<boolean> => answers(path, '');

/** One round trip over a connection of its own; false where nothing is there or nobody listens. */
export const isReached = (path: string): Promise<boolean> => answers(path, '?');

/** Milliseconds from `from` (performance.now) until a round trip through this path succeeds. Rejects after 10 s. */
export async function usableAfter(from: number, path: string): Promise<number> {
  while (!(await isReached(path))) {
    if (performance.now() - from > 10_000) throw new Error(`nobody is reached at ${path} after 10 s`);
    await turn();
  }
  return performance.now() - from;
}
