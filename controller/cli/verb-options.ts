import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  adapterNames,
  defaultWaitSeconds,
  maxCommitAfterSeconds,
  maxMessageLength,
  maxWaitSeconds,
} from '../options.ts';
import type { ProposalOptions } from './proposal.ts';
import type { ReportOptions } from './report.ts';

/** What `-o` takes where there is nothing but text and JSON. */
export type TextOrJson = { readonly output: 'text' | 'json' };

/** Options of verbs that propose a revision, as commander names them. `wait` is false after `--no-wait`. */
export type WaitAndReport = TextOrJson & {
  readonly wait: number | false;
  readonly commitAfter?: number;
  readonly message?: string;
};

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

/** `--wait SECONDS` and `--no-wait`. */
export function waitOptions(): readonly Option[] {
  return [
    new Option('--wait <seconds>', 'wait so long for its end; 0 looks once')
      .argParser(secondsUpTo(maxWaitSeconds))
      .default(defaultWaitSeconds),
    new Option('--no-wait', 'say what was accepted, and do not wait'),
  ];
}

/** `--commit-after SECONDS`. */
export function commitAfterOption(meaning: string): Option {
  return new Option('--commit-after <seconds>', meaning).argParser(secondsUpTo(maxCommitAfterSeconds));
}

/** Options of every verb that puts a revision on trial. */
export function trialOptions(): readonly Option[] {
  return [
    ...waitOptions(),
    commitAfterOption('commit after all of it has held so long (else as run says)'),
    new Option('-m, --message <text>', 'what to say about it in the history').argParser(readMessage),
  ];
}

/** Adds several options to a verb. */
export function addOptions(verb: Command, options: readonly Option[]): Command {
  for (const option of options) verb.addOption(option);
  return verb;
}

function secondsUpTo(most: number): (text: string) => number {
  return (text) => {
    const seconds = Number(text);
    if (/^\d+(\.\d+)?$/.test(text) && seconds <= most) return seconds;
    throw new InvalidArgumentError(`Expected seconds from 0 to ${most}.`);
  };
}

function readMessage(text: string): string {
  if (text.length <= maxMessageLength) return text;
  throw new InvalidArgumentError(`Expected at most ${maxMessageLength} characters.`);
}

/** The number of a revision, as an argument. */
export function readRevisionArgument(text: string): number {
  const number = Number(text);
  if (/^[0-9]+$/.test(text) && Number.isSafeInteger(number) && number >= 1) return number;
  throw new InvalidArgumentError("Expected the number of a revision; 'holdfast history' lists them.");
}

/** Commander names an option by its flag; verbs name it by what it means. */
export function report<O extends WaitAndReport>(
  options: O,
): O & Pick<ReportOptions, 'waitSeconds'> & Pick<ProposalOptions, 'commitAfterSeconds'> {
  const { wait, commitAfter } = options;
  return {
    ...options,
    waitSeconds: wait === false ? null : wait,
    ...(commitAfter === undefined ? {} : { commitAfterSeconds: commitAfter }),
  };
}

/** Adds examples to the help of a verb. */
export function examples(command: Command, ...lines: readonly string[]): void {
  command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  ${line}\n`).join('')}`);
}
