import { CommandError, type Commands } from './command.ts';

/** `ip` commands of several pools that run as one process. */
export interface IpScript {
  readonly lines: readonly { readonly text: string; readonly owner: string }[];
}

/** What `ip` said of a line that failed. */
export interface IpFailure {
  readonly owner: string;
  readonly message: string;
  readonly log: readonly string[];
}

const failedPattern = /^Command failed -:(\d+)$/;

/**
 * Runs all lines in order with one `ip`; a line that fails keeps no other from running. Resolves with the first failure
 * of each owner: empty when all is done. When `ip` itself cannot be run, every owner has failed.
 */
export async function runIpScript(commands: Commands, script: IpScript): Promise<readonly IpFailure[]> {
  if (script.lines.length === 0) return [];
  const input = `${script.lines.map((line) => line.text).join('\n')}\n`;
  try {
    await commands.run(['ip', '-force', '-batch', '-'], { input });
    return [];
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return failuresOf(script, error);
  }
}

function failuresOf(script: IpScript, error: CommandError): readonly IpFailure[] {
  const failures = new Map<string, IpFailure>();
  let said: string[] = [];
  for (const line of error.stderr.split('\n')) {
    const number = failedPattern.exec(line)?.[1];
    const failed = number === undefined ? undefined : script.lines[Number(number) - 1];
    if (failed === undefined) {
      if (line.trim() !== '') said.push(line);
      continue;
    }
    const message = `'ip ${failed.text}' failed: ${said.join(' ') || 'it did not say why'}`;
    if (!failures.has(failed.owner)) failures.set(failed.owner, { owner: failed.owner, message, log: said });
    said = [];
  }
  if (failures.size > 0) return [...failures.values()];
  const owners = new Set(script.lines.map((line) => line.owner));
  return [...owners].map((owner) => ({ owner, message: error.message, log: error.log }));
}
