import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { capture } from '../tools/command.ts';
import { succeed } from './run.ts';

/** A client and a provider, each in a network namespace of its own, with this host between them. Belongs into a lab. */
export const ground = {
  client: 'bench-client',
  provider: 'bench-provider',
  bridge: 'hf-bench',
  subnet: '10.77.0.0/24',
  /** Of the host, towards the client. */
  host: '10.78.0.1',
  /** Of the provider, at which nginx answers 8080. */
  address: '10.77.0.2',
  port: 8080,
} as const;

const ip = (...words: readonly string[]) => succeed({ program: 'ip', arguments: words });

async function namespace(name: string, own: string, address: string, gateway: string): Promise<void> {
  await ip('netns', 'add', name);
  await ip('link', 'add', own, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  await ip('link', 'set', own, 'up');
  await ip('-n', name, 'link', 'set', 'lo', 'up');
  await ip('-n', name, 'address', 'add', `${address}/24`, 'dev', 'eth0');
  await ip('-n', name, 'link', 'set', 'eth0', 'up');
  await ip('-n', name, 'route', 'add', 'default', 'via', gateway);
}

/** Connections by the ten thousand: what is left of each is to be forgotten before they are measured again. */
async function manyShortConnections(): Promise<void> {
  const settings = ['net.ipv4.tcp_tw_reuse=1', 'net.ipv4.ip_local_port_range=1024 65535'];
  for (const name of [ground.client, ground.provider]) {
    await ip('netns', 'exec', name, 'sysctl', '--quiet', '--write', ...settings);
  }
  await succeed({ program: 'sysctl', arguments: ['--quiet', '--write', ...settings] });
}

/** Runs `work` on the ground, which is taken away afterwards. */
export async function onGround<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    await ip('link', 'set', 'lo', 'up');
    await ip('link', 'add', ground.bridge, 'type', 'bridge');
    await ip('address', 'add', '10.77.0.1/24', 'dev', ground.bridge);
    await ip('link', 'set', ground.bridge, 'up');
    await namespace(ground.provider, 'bench-p', ground.address, '10.77.0.1');
    await ip('link', 'set', 'bench-p', 'master', ground.bridge);
    await namespace(ground.client, 'bench-c', '10.78.0.2', ground.host);
    await ip('address', 'add', `${ground.host}/24`, 'dev', 'bench-c');
    writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
    await manyShortConnections();
    return await work();
  } finally {
    for (const name of [ground.client, ground.provider]) await ip('netns', 'delete', name).catch(() => {});
    await ip('link', 'delete', ground.bridge).catch(() => {});
  }
}

/** A program that runs until it is ended. */
export interface Running {
  end(): Promise<void>;
}

/** Starts a program, in a namespace where one is named; resolves when something listens at the port. */
export async function startServer(
  argv: readonly string[],
  where: { readonly namespace?: string; readonly address: string; readonly port: number },
): Promise<Running> {
  const [program = '', ...words] =
    where.namespace === undefined ? argv : ['ip', 'netns', 'exec', where.namespace, ...argv];
  const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'inherit'] });
  await listening(where.address, where.port, child);
  return {
    end: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

async function listening(host: string, port: number, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null)
      throw new Error(`the server for ${host}:${port} ended with ${child.exitCode}`);
    if (await answers(host, port)) return;
    await delay(20);
  }
}

function answers(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port });
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}

/** nginx with these servers; what it writes goes below `directory`. */
export function nginx(directory: string, name: string, servers: string): readonly string[] {
  const prefix = join(directory, name);
  mkdirSync(prefix, { recursive: true });
  writeFileSync(
    join(prefix, 'nginx.conf'),
    `daemon off; user root; worker_processes 1; pid ${prefix}/pid; error_log ${prefix}/error.log;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000; client_body_temp_path ${prefix}/body; proxy_temp_path ${prefix}/proxy;
  fastcgi_temp_path ${prefix}/fastcgi; uwsgi_temp_path ${prefix}/uwsgi; scgi_temp_path ${prefix}/scgi;
${servers}
}\n`,
  );
  return ['nginx', '-p', prefix, '-e', join(prefix, 'error.log'), '-c', join(prefix, 'nginx.conf')];
}

/** Requests a second that the client gets answered with 200, over 32 connections that it keeps, or one each. */
export async function requestsPerSecond(url: string, mode: 'kept' | 'each', seconds = 2): Promise<number> {
  const close = mode === 'each' ? ['-H', 'Connection: close'] : [];
  const words = ['netns', 'exec', ground.client, 'wrk', '-t1', '-c32', `-d${seconds}s`, ...close, url];
  const { code, output } = await capture({ program: 'ip', arguments: words });
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(output)?.[1];
  if (code !== 0 || rate === undefined || /Non-2xx/.test(output)) {
    throw new Error(`expected answers from ${url}, found: ${output}`);
  }
  return Number(rate);
}
