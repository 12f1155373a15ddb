import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { capture, runLines } from '../tools/command.ts';
import { nginx } from './ingress-ground.ts';
import { echoName, isListening } from './links-ground.ts';
import { inTurns, type Reading, reading, timed } from './measure.ts';

const rounds = 5;

/** Where a service is: at the provider, and at a consumer that has it by a link. */
export interface Both {
  readonly own: string;
  readonly linked: string;
}

/** A server that runs until it is ended. */
export interface Served {
  end(): Promise<void>;
}

export function begin(
  argv: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): ChildProcess {
  const [program = '', ...words] = argv;
  return spawn(program, words, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...environment },
  });
}

export async function end(child: ChildProcess): Promise<void> {
  child.kill();
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

export async function listening(child: ChildProcess, path: string): Promise<void> {
  while (!(await isListening(path))) {
    if (child.exitCode !== null)
      throw new Error(`what should listen at ${path} ended with ${child.exitCode}`);
    await delay(20);
  }
}

const mebibytes = 64;

interface Way {
  /** What h2load is told besides. */
  readonly words: readonly string[];
  readonly path: string;
  readonly requests: number;
  /** What HAProxy reaches by hand. */
  readonly atLeast: number;
}

const ways: Readonly<Record<string, Way>> = {
  '32 connections kept': { words: ['-c32'], path: '/', requests: 40_000, atLeast: 0.4 },
  'a connection per request': {
    words: ['-c32', '-H', 'Connection: close'],
    path: '/',
    requests: 10_000,
    atLeast: 0.55,
  },
  [`bodies of ${mebibytes} MiB`]: { words: ['-c1'], path: '/large', requests: 8, atLeast: 0.2 },
};

async function requestsPerSecond(path: string, { words, path: url, requests }: Way): Promise<number> {
  const always = ['--h1', '-t1', `-n${requests}`, `--base-uri=unix:${path}`];
  const { output } = await capture({
    program: 'h2load',
    arguments: [...always, ...words, `http://localhost${url}`],
  });
  const rate = /finished in [\d.]+m?s, ([\d.]+) req\/s/.exec(output)?.[1];
  if (rate === undefined || !output.includes(` ${requests} succeeded`))
    throw new Error(`expected ${requests} requests to succeed, found ${output}`);
  return Number(rate);
}

/** nginx at a provider's path, with a short page and a long one. */
export async function serveHttp(own: string, directory: string): Promise<Served> {
  writeFileSync(join(directory, 'large'), Buffer.alloc(mebibytes << 20));
  const page = `return 200 "${'x'.repeat(63)}\\n";`;
  const servers = `  server { listen unix:${own}; location / { ${page} } location = /large { root ${directory}; } }`;
  const server = begin(nginx(directory, 'provider', servers));
  await listening(server, own);
  return { end: () => end(server) };
}

/** HTTP with an identity in each request, against the provider's own socket. `limited`: the limits of links hold. */
export async function restThrough(
  { own, linked }: Both,
  carrier: string,
  limited: boolean,
): Promise<readonly Reading[]> {
  const readings: Reading[] = [];
  for (const [what, way] of Object.entries(ways)) {
    const [ours = 0, direct = 0] = await inTurns(rounds, [
      () => requestsPerSecond(linked, way),
      () => requestsPerSecond(own, way),
    ]);
    const question = {
      name: `rest link by ${carrier}, ${what}`,
      unit: 'requests/s',
      peer: { name: "the provider's own socket", value: direct },
    };
    const limit = { limit: { of: 'ratio', atLeast: way.atLeast } as const };
    readings.push(reading(limited ? { ...question, ...limit } : question, ours));
  }
  return readings;
}

const calls = 4000;

function busAt(path: string): Readonly<Record<string, string>> {
  return { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${path}` };
}

/** One after the other, of one client that is started for them. */
export async function callsPerSecond(path: string): Promise<number> {
  const words = ['spam', '--system', `--dest=${echoName}`, `--count=${calls}`];
  const refused: string[] = [];
  const took = await timed(async () => {
    const command = { program: 'dbus-test-tool', arguments: words, environment: busAt(path) };
    // It counts answers that are errors as answers.
    await runLines(command, { out: () => undefined, error: (line) => refused.push(line) });
  });
  if (refused.length > 0)
    throw new Error(`expected ${calls} calls through ${path} to be answered, found ${refused[0]}`);
  return (calls * 1000) / took;
}

/** A bus at a provider's path, with an echo on it. */
export async function serveBus(own: string, directory: string): Promise<Served> {
  const file = join(directory, 'bus.conf');
  writeFileSync(
    file,
    `<busconfig><type>custom</type><listen>unix:path=${own}</listen><auth>EXTERNAL</auth><policy context="default">
<allow user="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy></busconfig>\n`,
  );
  const bus = begin(['dbus-daemon', `--config-file=${file}`, '--nofork', '--nopidfile']);
  await listening(bus, own);
  const echo = begin(['dbus-test-tool', 'echo', '--system', `--name=${echoName}`], busAt(own));
  return { end: () => end(echo).finally(() => end(bus)) };
}

/** Calls of a service that answers at once, one after the other, with the interface told, against the bus's own socket. */
export async function busThrough({ own, linked }: Both): Promise<readonly Reading[]> {
  const [ours = 0, direct = 0] = await inTurns(rounds, [
    () => callsPerSecond(linked),
    () => callsPerSecond(own),
  ]);
  const peer = { name: "the bus's own socket", value: direct };
  const limit = { of: 'ratio', atLeast: 0.7 } as const;
  return [reading({ name: 'dbus link with an interface, calls', unit: '1/s', peer, limit }, ours)];
}
