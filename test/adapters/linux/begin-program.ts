import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ExecutionContext } from 'ava';

/** Starts a program that lives as long as the test; resolves after it has said that it has begun. */
export async function begin(t: ExecutionContext, program: string, ...argv: readonly string[]): Promise<void> {
  const child = spawn(program, [...argv], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const begun = once(child.stdout, 'data');
  const [code] = await Promise.race([begun, ended]);
  if (typeof code === 'number') throw new Error(`${program} ended with ${code} before it had begun`);
}
