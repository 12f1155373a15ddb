import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { allocator } from './allocator.ts';
import { commandLine } from './command-line.ts';
import { database } from './database.ts';
import { dbusProxied } from './dbus.ts';
import { engine } from './engine.ts';
import { ingress } from './ingress.ts';
import { ingressRules } from './ingress-rules.ts';
import { links } from './links.ts';
import type { Reading } from './measure.ts';
import { quietDevice } from './quiet.ts';
import { realContainers } from './real-containers.ts';
import { replayed } from './replay.ts';
import { restLinks } from './rest.ts';
import { rolledBack } from './rollback.ts';

/**
 * `npm run bench [-- NAME…]`: measures what is asked for, or everything, and prints one JSON object a line. As root on
 * Linux all of it happens in a lab; elsewhere what needs LXC is left out, which is said on standard error. Exits 1
 * when a limit is not kept.
 */

const project = join(import.meta.dirname, '..');
const inLab = process.env.HOLDFAST_LAB === '1';

const benchmarks: Readonly<Record<string, () => Promise<readonly Reading[]>>> = {
  allocator,
  engine,
  database,
  replay: replayed,
  cli: commandLine,
  lxc: inLab ? realContainers : leftOut,
  rollback: inLab ? rolledBack : leftOut,
  ingress: inLab ? ingress : leftOut,
  links: inLab ? links : leftOut,
  dbus: inLab ? dbusProxied : leftOut,
  rules: inLab ? ingressRules : leftOut,
  rest: inLab ? restLinks : leftOut,
  quiet: () => quietDevice(inLab ? 'lxc' : 'memory'),
};

async function leftOut(): Promise<readonly Reading[]> {
  process.stderr.write('bench: what needs LXC is left out: it needs root on Linux\n');
  return [];
}

async function measure(asked: readonly string[]): Promise<number> {
  let kept = true;
  for (const [name, run] of Object.entries(benchmarks)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    for (const result of await run()) {
      kept &&= result.ok !== false;
      process.stdout.write(`${JSON.stringify(result)}\n`);
    }
  }
  return kept ? 0 : 1;
}

/** The same again inside a lab, with what that needs installed first. */
function measureInLab(asked: readonly string[]): number {
  const node = (...words: readonly string[]) =>
    spawnSync(process.execPath, words, { stdio: 'inherit' }).status ?? 1;
  const provisioned = node(join(project, 'test/lab/provision.ts'));
  if (provisioned !== 0) return provisioned;
  const lab = [join(project, 'test/lab/lab.ts'), '--name', 'bench', '--'];
  return node(...lab, process.execPath, join(project, 'bench/main.ts'), ...asked);
}

async function main(asked: readonly string[]): Promise<number> {
  const unknown = asked.filter((name) => benchmarks[name] === undefined);
  if (unknown.length > 0) {
    process.stderr.write(
      `found ${unknown.join(', ')}, expected some of ${Object.keys(benchmarks).join(', ')}\n`,
    );
    return 64;
  }
  const canLab = process.platform === 'linux' && process.getuid?.() === 0;
  return canLab && !inLab ? measureInLab(asked) : measure(asked);
}

process.exitCode = await main(process.argv.slice(2));
