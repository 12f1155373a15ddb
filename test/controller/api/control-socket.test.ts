import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, lstat, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ControlSocketError, openControlSocket } from '../../../controller/api/control-socket.ts';
import { ask, privateDirectory, served } from '../served.ts';

/** Opens a control socket that goes when the test ends. */
async function open(t: ExecutionContext, path: string): Promise<() => Promise<void>> {
  const server = createServer((_request, response) => response.end('served'));
  t.teardown(() => server.close());
  return openControlSocket(server, path);
}

/** A socket at `path` whose process was killed. */
async function leaveDeadSocket(path: string): Promise<void> {
  const program = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  await once(spawn(process.execPath, ['-e', program, path], { stdio: 'ignore' }), 'exit');
}

test('the control socket is for its user alone, and so is the directory that is made for it', async (t) => {
  const above = await privateDirectory(t);
  const path = join(above, 'run', 'holdfast', 'control.sock');
  await open(t, path);
  t.is((await lstat(path)).mode & 0o7777, 0o600);
  t.is((await lstat(dirname(path))).mode & 0o7777, 0o700);
  t.deepEqual(await readdir(above, { recursive: true }), [
    'run',
    'run/holdfast',
    'run/holdfast/control.sock',
  ]);
  t.is((await ask(path, 'GET', '/')).text, 'served');
});

test('the name of the socket goes when it is released, but not when somebody else has it by then', async (t) => {
  const path = join(await privateDirectory(t), 'control.sock');
  const release = await open(t, path);
  await release();
  await t.throwsAsync(lstat(path), { code: 'ENOENT' });
  await writeFile(path, 'another');
  await release();
  t.true((await lstat(path)).isFile());
});

test('the socket of a dead controller is replaced', async (t) => {
  const path = join(await privateDirectory(t), 'control.sock');
  await leaveDeadSocket(path);
  t.true((await lstat(path)).isSocket());
  await open(t, path);
  t.is((await ask(path, 'GET', '/')).text, 'served');
});

test('the socket of a living controller stays, and the second one is told so', async (t) => {
  const { socket } = await served(t);
  const error = await t.throwsAsync(open(t, socket), { instanceOf: ControlSocketError });
  t.regex(error.message, /another controller answers on .*--socket/);
  t.is((await ask(socket, 'GET', '/v1/version')).status, 200);
});

test('of many controllers that start together over a dead socket exactly one gets it', async (t) => {
  const path = join(await privateDirectory(t), 'control.sock');
  await leaveDeadSocket(path);
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => open(t, path)));
  t.is(results.filter(({ status }) => status === 'fulfilled').length, 1);
  t.is((await ask(path, 'GET', '/')).text, 'served');
});

test('what is no socket is not replaced', async (t) => {
  const directory = await privateDirectory(t);
  const [file, link] = [join(directory, 'file'), join(directory, 'link')];
  await writeFile(file, 'precious');
  await symlink(file, link);
  for (const path of [file, link]) {
    const error = await t.throwsAsync(open(t, path), { instanceOf: ControlSocketError });
    t.regex(error.message, /no socket/);
  }
  t.true((await lstat(link)).isSymbolicLink());
});

test('a directory that is a symbolic link, or that others can write to, is refused', async (t) => {
  const directory = await privateDirectory(t);
  await mkdir(join(directory, 'real'));
  await symlink(join(directory, 'real'), join(directory, 'link'));
  await mkdir(join(directory, 'shared'));
  await chmod(join(directory, 'shared'), 0o1777);
  const linked = await t.throwsAsync(open(t, join(directory, 'link', 'control.sock')), {
    instanceOf: ControlSocketError,
  });
  t.regex(linked.message, /symbolic link/);
  const shared = await t.throwsAsync(open(t, join(directory, 'shared', 'control.sock')), {
    instanceOf: ControlSocketError,
  });
  t.regex(shared.message, /mode 1777, expected/);
  t.deepEqual(await readdir(join(directory, 'real')), []);
});

test('a path that is too long for a unix socket is refused with its length', async (t) => {
  const path = join(await privateDirectory(t), 'x'.repeat(120));
  const error = await t.throwsAsync(open(t, path), { instanceOf: ControlSocketError });
  t.regex(error.message, /107 at most/);
});
