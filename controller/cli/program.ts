import { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import type { Context } from './context.ts';
import { declareReplay, declareRun, declareVersion } from './declarations/controller-verbs.ts';
import type { Declare, Finish } from './declarations/declare.ts';
import { declareDiff, declareHistory, declareShow, declareWhy } from './declarations/history-verbs.ts';
import {
  declareApply,
  declareDown,
  declarePatch,
  declarePlan,
  declareRollback,
  declareValidate,
} from './declarations/proposal-verbs.ts';
import {
  declareDescribe,
  declareEvents,
  declareExplain,
  declareGet,
  declareGraph,
} from './declarations/resource-verbs.ts';
import { exitCodeLines } from './failure.ts';
import { cut, printable } from './render/text.ts';

/** Every verb, in the order of the help. */
const verbs: Readonly<Record<string, Declare>> = {
  run: declareRun,
  validate: declareValidate,
  plan: declarePlan,
  explain: declareExplain,
  apply: declareApply,
  patch: declarePatch,
  rollback: declareRollback,
  down: declareDown,
  get: declareGet,
  describe: declareDescribe,
  graph: declareGraph,
  why: declareWhy,
  history: declareHistory,
  show: declareShow,
  diff: declareDiff,
  events: declareEvents,
  replay: declareReplay,
  version: declareVersion,
};

/** Of a complaint that repeats what was typed, this much is shown of a word: a whole file may have been given as a message. */
const mostOfWord = 60;

/** A line of a complaint without what a terminal would obey, long words in it cut. */
function legible(line: string): string {
  return printable(line).replace(/'[^']*'/g, (word) => `'${cut(word.slice(1, -1), mostOfWord)}'`);
}

/**
 * The command line for `words`: verbs, options, help. `finish` is told the exit code of the verb that was called. Where
 * the first word is a verb only that one is declared, since no other can be meant: declaring all takes 3 ms.
 */
export function buildProgram(words: readonly string[], context: Context, finish: Finish): Command {
  const program = new Command('holdfast')
    .description(packageJson.description)
    .version(packageJson.version)
    .configureOutput({
      writeOut: context.terminal.out,
      writeErr: context.terminal.err,
      outputError: (text, write) => write(text.split('\n').map(legible).join('\n')),
    })
    .showHelpAfterError("('--help' behind it shows how it is used)")
    .exitOverride()
    .addHelpText(
      'after',
      `\nExit codes:\n${exitCodeLines.map(([code, meaning]) => `${`${code}`.padStart(4)}  ${meaning}\n`).join('')}`,
    );
  const meant = Object.keys(verbs).filter((name) => name === words[0]);
  for (const name of meant.length === 0 ? Object.keys(verbs) : meant) {
    verbs[name]?.(program.command(name), context, finish);
  }
  return program;
}
