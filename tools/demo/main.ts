import { join } from 'node:path';
import { type Command, runLines } from '../command.ts';

/**
 * `npm run demo`: the main job in one go. As root on Linux it happens on real LXC in a lab, a set of namespaces that
 * takes everything with it; elsewhere on a model of a host in memory. Exits 0 when everything it shows was so.
 */

const project = join(import.meta.dirname, '../..');

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function node(...words: readonly [string, ...string[]]): Promise<number> {
  const [script, ...rest] = words;
  const command: Command = { program: process.execPath, arguments: [join(project, script), ...rest] };
  return runLines(command, { out: say, error: say });
}

/** Why the demo can't be on real LXC here; null when it can. Installs what is missing where it may. */
async function hindrance(): Promise<string | null> {
  if (process.platform !== 'linux') return 'this is not Linux';
  if (process.getuid?.() !== 0) return 'this user is not root';
  return (await node('test/lab/provision.ts')) === 0 ? null : 'packages are missing (see above)';
}

async function main(): Promise<number> {
  const reason = await hindrance();
  if (reason !== null) {
    say(`On a host in memory, since ${reason}.`);
    say('The real thing: `npm run demo` as root on Debian, with leave to install packages.');
    return node('tools/demo/play.ts', 'memory');
  }
  say('On real LXC, in namespaces of its own: nothing of it reaches this machine.');
  return node(
    'test/lab/lab.ts',
    '--name',
    'demo',
    '--',
    process.execPath,
    join(project, 'tools/demo/play.ts'),
    'lxc',
  );
}

process.exitCode = await main();
