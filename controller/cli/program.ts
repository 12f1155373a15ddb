import { Command, Option } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { logLevels } from '../options.ts';
import type { Context } from './context.ts';
import { exitCodeLines } from './failure.ts';
import {
  adapterOption,
  examples,
  outputOption,
  pathMeaning,
  report,
  socketOption,
  type TextOrJson,
  type WaitAndReport,
  waitOption,
} from './verb-options.ts';
import type { DescribeOptions } from './verbs/describe.ts';
import type { EventsOptions } from './verbs/events.ts';
import type { GetOptions } from './verbs/get.ts';
import type { PatchOptions } from './verbs/patch.ts';
import type { PlanOptions } from './verbs/plan.ts';
import type { ReplayVerbOptions } from './verbs/replay.ts';
import type { RunVerbOptions } from './verbs/run.ts';

/** Told how a verb ended: its exit code. */
type Finish = (exitCode: number) => void;

/** Adds one verb to the program. */
type Declare = (verb: Command, context: Context, finish: Finish) => void;

// Each verb is loaded when it is called, and nothing that it does not need: `get` is done before `apply` would be loaded.

const declareRun: Declare = (verb, context, finish) => {
  verb
    .summary('run the controller until a signal')
    .description('Runs the controller until SIGINT or SIGTERM. Stopping it stops no container.')
    .addOption(adapterOption().default('auto'))
    .option('--root <dir>', 'where everything is kept')
    .addOption(socketOption())
    .option('--source <dir>', 'apply this directory, and again whenever it changes')
    .option('--record <file>', 'record every input to this file, for replay')
    .addOption(new Option('--log-level <level>', 'how much to log').choices(logLevels))
    .action(async (options: RunVerbOptions) =>
      finish(await (await import('./verbs/run.ts')).run(options, context)),
    );
  examples(verb, 'holdfast run', 'holdfast run --adapter memory --root ./state --source ./revision');
};

const declareValidate: Declare = (verb, context, finish) => {
  verb
    .summary('say whether a revision can be applied')
    .description('Judges a revision and reports everything that is wrong with it. Needs no controller.')
    .argument('<path>', pathMeaning)
    .addOption(outputOption('text', 'json'))
    .action(async (path: string, options: TextOrJson) =>
      finish(await (await import('./verbs/validate.ts')).validate(path, options, context)),
    );
  examples(verb, 'holdfast validate ./revision', 'holdfast validate state.json -o json');
};

const declarePlan: Declare = (verb, context, finish) => {
  verb
    .summary('show the steps that apply would take')
    .description(
      'Shows the steps that apply would take, in order, and touches nothing. Exits with 2 when there are any.',
    )
    .argument('<path>', pathMeaning)
    .addOption(socketOption())
    .addOption(adapterOption())
    .option('--root <dir>', 'with --adapter: where everything is kept')
    .addOption(outputOption('text', 'json'))
    .action(async (path: string, options: PlanOptions) =>
      finish(await (await import('./verbs/plan.ts')).plan(path, options, context)),
    );
  examples(
    verb,
    'holdfast plan ./revision',
    'holdfast plan ./revision --adapter lxc   (without a controller)',
  );
};

const declareExplain: Declare = (verb, context, finish) => {
  verb
    .summary('explain a code of a finding or conflict')
    .description('Explains what a code means and what to do about it; without a code, lists all of them.')
    .argument('[code]', 'such as SubnetOverlap')
    .addOption(outputOption('text', 'json'))
    .action(async (code: string | undefined, options: TextOrJson) =>
      finish(await (await import('./verbs/explain.ts')).explain(code, options, context)),
    );
  examples(verb, 'holdfast explain', 'holdfast explain BadJson');
};

const declareApply: Declare = (verb, context, finish) => {
  verb
    .summary('make a revision current')
    .description('Makes a revision the current one and waits until everything is as it says.')
    .argument('<path>', pathMeaning)
    .addOption(socketOption())
    .addOption(waitOption())
    .addOption(outputOption('text', 'json'))
    .action(async (path: string, options: WaitAndReport) =>
      finish(await (await import('./verbs/apply.ts')).apply(path, report(options), context)),
    );
  examples(verb, 'holdfast apply ./revision', 'holdfast apply web.pvrexport.tgz --wait 10 -o json');
};

const declarePatch: Declare = (verb, context, finish) => {
  verb
    .summary('change the current revision by a patch')
    .description('Changes the current revision by a JSON patch (RFC 6902), or by a merge patch (RFC 7396).')
    .argument('<file>', 'the patch; - reads standard input')
    .option('--merge', 'it is a merge patch')
    .addOption(socketOption())
    .addOption(waitOption())
    .addOption(outputOption('text', 'json'))
    .action(async (file: string, options: WaitAndReport & Pick<PatchOptions, 'merge' | 'socket'>) =>
      finish(await (await import('./verbs/patch.ts')).patch(file, report(options), context)),
    );
  examples(
    verb,
    'holdfast patch change.json',
    `echo '{"web/run.json": {"group": "app"}}' | holdfast patch --merge -`,
  );
};

const declareDown: Declare = (verb, context, finish) => {
  verb
    .summary('take everything of Holdfast away')
    .description(
      'Stops and removes all that Holdfast has made, in order. Nothing else of the host is touched.',
    )
    .addOption(socketOption())
    .addOption(waitOption())
    .addOption(outputOption('text', 'json'))
    .action(async (options: WaitAndReport) =>
      finish(await (await import('./verbs/down.ts')).down(report(options), context)),
    );
  examples(verb, 'holdfast down');
};

const declareGet: Declare = (verb, context, finish) => {
  verb
    .summary('list resources')
    .description('Lists resources: pools, leases, containers, or all of them.')
    .argument('[kind]', 'pools, leases, containers or all', 'all')
    .argument('[name]', 'its name, or a part of it between slashes')
    .addOption(socketOption())
    .addOption(outputOption('table', 'wide', 'json', 'name'))
    .option('-w, --watch', 'go on and show every change')
    .action(async (kind: string, name: string | undefined, options: GetOptions) =>
      finish(await (await import('./verbs/get.ts')).get(kind, name, options, context)),
    );
  examples(verb, 'holdfast get containers', 'holdfast get leases web -o wide', 'holdfast get all -w');
};

const declareDescribe: Declare = (verb, context, finish) => {
  verb
    .summary('show everything about one resource')
    .description('Shows everything about one resource; the first line says why it is as it is.')
    .argument('<kind>', 'pool, lease or container')
    .argument('[name]', 'its name, or a part of it that no other has')
    .addOption(socketOption())
    .addOption(outputOption('text', 'json'))
    .action(async (kind: string, name: string | undefined, options: DescribeOptions) =>
      finish(await (await import('./verbs/describe.ts')).describe(kind, name, options, context)),
    );
  examples(verb, 'holdfast describe container web', 'holdfast describe lease/internal/web/eth0');
};

const declareEvents: Declare = (verb, context, finish) => {
  verb
    .summary('show what has happened')
    .description('Shows the events that are kept, oldest first, each with its cause.')
    .addOption(socketOption())
    .addOption(outputOption('text', 'json'))
    .option('-f, --follow', 'go on and show every new one')
    .action(async (options: EventsOptions) =>
      finish(await (await import('./verbs/events.ts')).events(options, context)),
    );
  examples(verb, 'holdfast events -f');
};

const declareReplay: Declare = (verb, context, finish) => {
  verb
    .summary('do a recording again, and say where it differs')
    .description(
      "Feeds a recording of 'run --record' to this version's engine and compares its steps with the recorded ones. " +
        'Touches nothing, needs no controller. Exits with 5 at the first difference.',
    )
    .argument('<file>', 'the recording')
    .option('-v, --verbose', 'show every step, with its time and cause')
    .addOption(outputOption('text', 'json'))
    .action(async (file: string, options: ReplayVerbOptions) =>
      finish(await (await import('./verbs/replay.ts')).replayFile(file, options, context)),
    );
  examples(verb, 'holdfast replay device.jsonl', 'holdfast replay device.jsonl -v');
};

const declareVersion: Declare = (verb, context, finish) => {
  verb
    .summary('show versions of program and controller')
    .addOption(socketOption())
    .addOption(outputOption('text', 'json'))
    .action(async (options: TextOrJson) =>
      finish(await (await import('./verbs/version.ts')).version(options, context)),
    );
};

/** Every verb, in the order of the help. */
const verbs: Readonly<Record<string, Declare>> = {
  run: declareRun,
  validate: declareValidate,
  plan: declarePlan,
  explain: declareExplain,
  apply: declareApply,
  patch: declarePatch,
  down: declareDown,
  get: declareGet,
  describe: declareDescribe,
  events: declareEvents,
  replay: declareReplay,
  version: declareVersion,
};

/**
 * The command line for `words`: verbs, options, help. `finish` is told the exit code of the verb that was called. Where
 * the first word is a verb only that one is declared, since no other can be meant: declaring all takes 3 ms.
 */
export function buildProgram(words: readonly string[], context: Context, finish: Finish): Command {
  const program = new Command('holdfast')
    .description(packageJson.description)
    .version(packageJson.version)
    .configureOutput({ writeOut: context.terminal.out, writeErr: context.terminal.err })
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
