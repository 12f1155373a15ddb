import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, posix } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { type ForeignThing, type LinkWorld, linkContract } from '../../contract/link-contract.ts';
import { copyProgram } from '../../lab/copy-program.ts';
import { makeLxcWorld } from './lxc-world.ts';

const socat = '/usr/bin/socat';

/** A program in a container that listens. */
interface Listening {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
}

async function listen(argv: readonly string[]): Promise<Listening> {
  const [program = '', ...words] = argv;
  const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'exit');
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    if (!line.includes('listening on')) continue;
    // Whatever else it says is not waited for, and must not stop it.
    child.stderr.resume();
    return { child, ended };
  }
  throw new Error(`'${argv.join(' ')}' does not listen: ${said.join('\n')}`);
}

async function make(): Promise<LinkWorld> {
  const { adapter, another, directory, makeRoot, killContainer, dispose, inside } = await makeLxcWorld();
  const path = await makeRoot('exec sleep 2147483647');
  await copyProgram(socat, path);
  const listeners = new Map<string, Listening>();
  const end = async (name: string) => {
    const listening = listeners.get(name);
    listeners.delete(name);
    listening?.child.kill('SIGKILL');
    await listening?.ended;
  };
  return {
    adapter,
    another,
    root: { type: 'directory', path },
    killContainer,
    makeSocket: async (container, socket, answer) => {
      const name = `${container} ${socket}`;
      await end(name);
      await inside(container, 'mkdir', '-p', posix.dirname(socket));
      await inside(container, 'rm', '-f', socket);
      const attach = ['lxc-attach', '-P', join(directory, 'lxc'), '-n', container, '--'];
      const program = [
        socat,
        '-d',
        '-d',
        `UNIX-LISTEN:${socket},fork,unlink-close=0`,
        `SYSTEM:echo ${answer}`,
      ];
      listeners.set(name, await listen([...attach, ...program]));
    },
    ask: async (container, socket) => {
      try {
        return (await inside(container, socat, '-T', '2', 'STDOUT', `UNIX-CONNECT:${socket}`)).trim();
      } catch {
        return null;
      }
    },
    takeAway: async (container, target) => {
      // It is in use: we hold it, to be able to take it away.
      await inside(container, 'umount', '-l', target);
    },
    putForeign: async (container, target): Promise<ForeignThing> => {
      await inside(container, 'mkdir', '-p', posix.dirname(target));
      await inside(container, 'mkdir', target);
      return {
        look: async () => (await inside(container, 'stat', '-c', '%F %i %Y', target)).trim(),
        remove: async () => {
          await inside(container, 'rm', '-r', target);
        },
      };
    },
    dispose: async () => {
      for (const name of [...listeners.keys()]) await end(name);
      await dispose();
    },
  };
}

linkContract(test, { name: 'lxc', make, types: ['unix', 'rest', 'dbus', 'wayland'] });
