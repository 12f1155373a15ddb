import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { leftovers, runMark, takeInventory } from '../../tools/inventory.ts';

test('what is new is left over; what was there, and what is gone, is not', (t) => {
  const before = new Set(['mount /a (tmpfs)', 'mount /b (tmpfs)']);
  const after = new Set(['process 7: node', 'mount /a (tmpfs)', 'mount /c (overlay)']);
  t.deepEqual(leftovers(before, after), ['mount /c (overlay)', 'process 7: node']);
  t.deepEqual(leftovers(before, before), []);
});

test('a process of the run is found by its mark until it is gone, and a file in its directory until it is removed', async (t) => {
  const temporary = mkdtempSync(join(tmpdir(), 'inventory-'));
  const scope = { run: 'inventory-test', temporary, checkout: null };
  const before = takeInventory(scope);
  const child = spawn('sleep', ['600'], { env: { ...process.env, [runMark]: scope.run }, stdio: 'ignore' });
  await once(child, 'spawn');
  writeFileSync(join(temporary, 'forgotten'), '');
  const ours = (lines: readonly string[]) => lines.filter((line) => /^(process|temporary)/.test(line));
  t.deepEqual(ours(leftovers(before, takeInventory(scope))), [
    `process ${child.pid}: sleep 600`,
    'temporary file forgotten',
  ]);
  child.kill();
  await once(child, 'close');
  rmSync(temporary, { recursive: true });
  t.deepEqual(ours(leftovers(before, takeInventory(scope))), []);
});
