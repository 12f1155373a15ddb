import { type Command, InvalidArgumentError, Option } from 'commander';
import { adapterNames, defaultWaitSeconds, maxWaitSeconds } from '../options.ts';
import type { ReportOptions } from './until-rest.ts';

/** What `-o` takes where there is nothing but text and JSON. */
export type TextOrJson = { readonly output: 'text' | 'json' };

/** Options of verbs that change the revision, as commander names them. */
export type WaitAndReport = TextOrJson & { readonly wait: number };

/** How every argument that names a revision is explained. */
export const pathMeaning = 'state JSON, directory, export (.tgz) or pvtx.d; - reads standard input';

/** `--socket PATH`; the environment is looked at where the path is made of it. */
export function socketOption(): Option {
  return new Option('--socket <path>', "the controller's control socket (else HOLDFAST_SOCKET)");
}

/** `-o FORMAT`; the first of `choices` is the default. */
export function outputOption(...choices: readonly [string, ...string[]]): Option {
  return new Option('-o, --output <format>', 'what to print').choices(choices).default(choices[0]);
}

/** `--adapter NAME`. */
export function adapterOption(): Option {
  return new Option('--adapter <name>', 'what carries the containers').choices(adapterNames);
}

/** `--wait SECONDS`. */
export function waitOption(): Option {
  return new Option('--wait <seconds>', 'wait so long for it to come to rest; 0 does not wait')
    .argParser(readSeconds)
    .default(defaultWaitSeconds);
}

function readSeconds(text: string): number {
  const seconds = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && seconds <= maxWaitSeconds) return seconds;
  throw new InvalidArgumentError(`Expected seconds from 0 to ${maxWaitSeconds}.`);
}

/** Commander names an option by its flag; verbs name it by what it means. */
export function report<O extends WaitAndReport>(options: O): O & Pick<ReportOptions, 'waitSeconds'> {
  return { ...options, waitSeconds: options.wait };
}

/** Adds examples to the help of a verb. */
export function examples(command: Command, ...lines: readonly string[]): void {
  command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  ${line}\n`).join('')}`);
}
