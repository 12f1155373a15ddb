import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { createProviderSockets } from '../../../adapters/linux/mounted-provider-sockets.ts';
import { systemClock } from '../../../controller/clock.ts';

const { after } = systemClock();
const isInit = () => true;

test('[ING-10] paths of the host are short, the same for ever, and different for different sockets', (t) => {
  const sockets = createProviderSockets({ root: '/var/lib/holdfast', after, isInit });
  const again = createProviderSockets({ root: '/var/lib/holdfast', after, isInit });
  const long = { container: 'web'.repeat(20), socket: `/run/${'deep/'.repeat(200)}x.sock` };
  t.regex(sockets.pathOf(long), /^\/var\/lib\/holdfast\/run\/sockets\/[0-9a-f]{24}$/);
  t.is(again.pathOf(long), sockets.pathOf(long));
  t.not(
    sockets.pathOf({ container: 'a', socket: '/b/c' }),
    sockets.pathOf({ container: 'a/b', socket: '/c' }),
  );
});

test('[ING-10] a root directory whose path is too long for sockets is refused when one is asked for', (t) => {
  const root = `/${'x'.repeat(80)}`;
  const sockets = createProviderSockets({ root, after, isInit });
  t.throws(() => sockets.pathOf({ container: 'a', socket: '/b' }), {
    instanceOf: RangeError,
    message: /has 118 bytes; expected at most 100.*choose a shorter root directory/s,
  });
});

test('[ENG-7] nothing is made where no socket is kept', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'hf-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  const sockets = createProviderSockets({ root, after, isInit });
  await sockets.keep([]);
  sockets.moved('web', null);
  sockets.close();
  t.deepEqual(readdirSync(root), []);
});

test('[ENG-7] ten thousand containers that provide no socket cost no descriptor, and are not asked for', (t) => {
  const asked: string[] = [];
  const sockets = createProviderSockets({
    root: '/var/lib/holdfast',
    after,
    isInit: (name) => asked.push(name) > 0,
  });
  const before = readdirSync('/proc/self/fd').length;
  for (let count = 0; count < 10_000; count++) sockets.moved(`c${count}`, process.pid);
  // Other tests of this file may close theirs meanwhile.
  t.true(readdirSync('/proc/self/fd').length <= before);
  t.deepEqual(asked, []);
  sockets.close();
});

/** Has every import of koffi fail, as where npm left it out. */
const withoutKoffi = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({ resolve(specifier, context, next) {
    if (specifier === 'koffi') throw new Error('koffi is not here');
    return next(specifier, context);
  } });`)}`;

test('[ENG-8] where koffi is missing, sockets are refused at once, and the problem says so', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'hf-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  const program = ['--import', withoutKoffi, join(import.meta.dirname, 'kept-socket.ts'), root, '1'];
  const { stdout } = await promisify(execFile)(process.execPath, program);
  const { problem, answer } = JSON.parse(stdout);
  t.regex(
    problem,
    /^\/run\/app\/x\.sock of container 'web' is not reached: .*koffi did not load: koffi is not here; run npm ci/,
  );
  t.is(answer, 'refused');
  t.false(existsSync(join(root, 'run/sockets')));
});
