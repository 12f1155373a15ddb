import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { makingAs } from '../../../adapters/linux/file-owner.ts';
import { loadSystemCalls } from '../../../adapters/linux/system-calls.ts';

const calls = await loadSystemCalls();
const asRoot = process.getuid?.() === 0 ? test.serial : test.serial.skip;
const other = { uid: 100_000, gid: 100_001 };

function directoryOf(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'owner-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  return path;
}

/** As whom this thread makes files, with its capabilities (proc(5), status). */
function whoAmI(): readonly string[] {
  const status = readFileSync('/proc/thread-self/status', 'utf8');
  return status.split('\n').filter((line) => /^(Uid|Gid|CapEff|Umask):/.test(line));
}

asRoot(
  '[LINK-4] what is made is another user’s, with the modes that it says, where that one could not make it',
  (t) => {
    const path = directoryOf(t);
    const before = calls.umask(0o077);
    t.teardown(() => void calls.umask(before));
    const me = whoAmI();
    makingAs(calls, other, () => {
      mkdirSync(join(path, 'a'), 0o755);
      closeSync(openSync(join(path, 'a/b'), 'wx', 0o640));
    });
    t.deepEqual(whoAmI(), me);
    for (const [name, mode] of [
      ['a', 0o755],
      ['a/b', 0o640],
    ] as const) {
      const { uid, gid, mode: has } = statSync(join(path, name));
      t.deepEqual({ uid, gid, mode: has & 0o7777 }, { ...other, mode });
    }
    writeFileSync(join(path, 'mine'), '');
    t.is(statSync(join(path, 'mine')).uid, 0);
  },
);

asRoot('[LINK-4] whatever happens meanwhile, it is itself again afterwards', (t) => {
  const me = whoAmI();
  t.throws(() => makingAs(calls, other, () => t.notDeepEqual(whoAmI(), me) && fail()), {
    message: 'meanwhile',
  });
  t.deepEqual(whoAmI(), me);
});

function fail(): never {
  throw new Error('meanwhile');
}
