import { randomUUID } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import type { Answer, Device } from './device.ts';

/** Another host on a cable of its own: a network namespace, of which the lab's is the neighbour. Documentation addresses, RFC 5737 and 3849. */
export const hostAddress = { ipv4: '192.0.2.1', ipv6: '2001:db8::1' } as const;
export const clientAddress = { ipv4: '192.0.2.2', ipv6: '2001:db8::2' } as const;

/** Runs a program somewhere. */
export type Run = (command: string, ...argv: readonly string[]) => Promise<Answer>;

/** Makes the other host, for as long as the test runs; resolves to what runs programs there. One at a time. */
export async function clientHost(t: ExecutionContext, made: Device): Promise<Run> {
  const name = `client-${randomUUID().slice(0, 8)}`;
  const must = async (...words: readonly [string, ...string[]]) => {
    const answer = await made.run(...words);
    if (answer.code !== 0) throw new Error(`${words.join(' ')}: ${answer.stderr}`);
  };
  await must('ip', 'netns', 'add', name);
  t.teardown(async () => {
    // The host's end goes with the namespace, but not at once.
    await made.run('ip', 'link', 'del', 'cable0');
    await must('ip', 'netns', 'del', name);
  });
  const inside = ['ip', 'netns', 'exec', name] as const;
  await must('ip', 'link', 'add', 'cable0', 'type', 'veth', 'peer', 'name', 'cable1', 'netns', name);
  for (const [prefix, link, { ipv4, ipv6 }] of [
    [[], 'cable0', hostAddress],
    [inside, 'cable1', clientAddress],
  ] as const) {
    const ip = (...words: readonly string[]) => must(...([...prefix, 'ip', ...words] as [string]));
    await ip('address', 'add', `${ipv4}/24`, 'dev', link);
    // Nobody else has the address: it need not be looked for (RFC 4862, 5.4).
    await ip('address', 'add', `${ipv6}/64`, 'dev', link, 'nodad');
    await ip('link', 'set', link, 'up');
    await ip('link', 'set', 'lo', 'up');
  }
  return (command, ...argv) => made.run('ip', 'netns', 'exec', name, command, ...argv);
}

/** What curl says of a URL, with the status after it. */
export async function curl(run: Run, ...argv: readonly string[]): Promise<string> {
  const quiet = ['--silent', '--show-error', '--max-time', '10', '--write-out', '%{http_code}'];
  const { code, stdout, stderr } = await run('curl', ...quiet, ...argv);
  return code === 0 ? stdout : `curl ended with ${code}: ${stderr}`;
}

/** What a port says to these bytes, over a connection that is closed after them. */
export async function sayTo(run: Run, host: string, port: number, words: string): Promise<string> {
  const script = `exec 3<>/dev/tcp/${host}/${port}; printf %s "$1" >&3; timeout 5 head -n 2 <&3`;
  const { code, stdout, stderr } = await run('bash', '-c', script, 'bash', words);
  return code === 0 ? stdout : `ended with ${code}: ${stderr}`;
}
