import { Command, InvalidArgumentError, Option } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { adapterNames, defaultWaitSeconds, logLevels } from '../options.ts';
import type { Context } from './context.ts';
import { exitCodeLines } from './failure.ts';
import type { ReportOptions } from './until-rest.ts';
import type { DescribeOptions } from './verbs/describe.ts';
import type { EventsOptions } from './verbs/events.ts';
import type { GetOptions } from './verbs/get.ts';
import type { PatchOptions } from './verbs/patch.ts';
import type { PlanOptions } from './verbs/plan.ts';
import type { RunVerbOptions } from './verbs/run.ts';

/** Told how a verb ended: its exit code. */
type Finish = (exitCode: number) => void;

type TextOrJson = { readonly output: 'text' | 'json' };

const pathMeaning = 'state JSON, directory, export (.tgz) or pvtx.d; - reads standard input';

function socketOption(): Option {
  return new Option('--socket <path>', "the controller's control socket (else HOLDFAST_SOCKET)");
}

function outputOption(...choices: readonly [string, ...string[]]): Option {
  return new Option('-o, --output <format>', 'what to print').choices(choices).default(choices[0]);
}

function adapterOption(): Option {
  return new Option('--adapter <name>', 'what carries containers').choices(adapterNames);
}

function readSeconds(text: string): number {
  const seconds = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && seconds <= maxWaitSeconds) return seconds;
  throw new InvalidArgumentError(`Expected seconds from 0 to ${maxWaitSeconds}.`);
}

/** A week; the longest timer of Node is 24 days. */
const maxWaitSeconds = 604_800;

function waitOption(): Option {
  return new Option('--wait <seconds>', 'wait so long for it to come to rest')
    .argParser(readSeconds)
    .default(defaultWaitSeconds);
}

/** Commander names an option by its flag; verbs name what it means. */
function report<O extends { readonly wait: number }>(options: O): O & Pick<ReportOptions, 'waitSeconds'> {
  return { ...options, waitSeconds: options.wait };
}

type Report = TextOrJson & { readonly wait: number };

function examples(command: Command, ...lines: readonly string[]): void {
  command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  ${line}\n`).join('')}`);
}

// Each verb is loaded when it is called, and nothing that it does not need: `get` is done before `apply` would be loaded.

function declareController(program: Command, context: Context, finish: Finish): void {
  const run = program
    .command('run')
    .summary('run the controller until a signal')
    .description('Runs the controller until SIGINT or SIGTERM. Stopping it stops no container.')
    .addOption(adapterOption().default('auto'))
    .option('--root <dir>', 'where everything is kept')
    .addOption(socketOption())
    .option('--source <dir>', 'apply this directory, and again whenever it changes')
    .addOption(new Option('--log-level <level>', 'how much to log').choices(logLevels))
    .action(async (options: RunVerbOptions) =>
      finish(await (await import('./verbs/run.ts')).run(options, context)),
    );
  examples(run, 'holdfast run', 'holdfast run --adapter memory --root ./state --source ./revision');
}

function declareJudging(program: Command, context: Context, finish: Finish): void {
  const validate = program
    .command('validate')
    .summary('say whether a revision can be applied')
    .description('Judges a revision and reports everything that is wrong with it. Needs no controller.')
    .argument('<path>', pathMeaning)
    .addOption(outputOption('text', 'json'))
    .action(async (path: string, options: TextOrJson) =>
      finish(await (await import('./verbs/validate.ts')).validate(path, options, context)),
    );
  examples(validate, 'holdfast validate ./revision', 'holdfast validate state.json -o json');
  const plan = program
    .command('plan')
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
    plan,
    'holdfast plan ./revision',
    'holdfast plan ./revision --adapter lxc   (without a controller)',
  );
  const explain = program
    .command('explain')
    .summary('explain a code of a finding or conflict')
    .description('Explains what a code means and what to do about it; without a code, lists all of them.')
    .argument('[code]', 'such as SubnetOverlap')
    .addOption(outputOption('text', 'json'))
    .action(async (code: string | undefined, options: TextOrJson) =>
      finish(await (await import('./verbs/explain.ts')).explain(code, options, context)),
    );
  examples(explain, 'holdfast explain', 'holdfast explain BadJson');
}

function declareChanging(program: Command, context: Context, finish: Finish): void {
  const apply = program
    .command('apply')
    .summary('make a revision current')
    .description('Makes a revision the current one and waits until everything is as it says.')
    .argument('<path>', pathMeaning)
    .addOption(socketOption())
    .addOption(waitOption())
    .addOption(outputOption('text', 'json'))
    .action(async (path: string, options: Report) =>
      finish(await (await import('./verbs/apply.ts')).apply(path, report(options), context)),
    );
  examples(apply, 'holdfast apply ./revision', 'holdfast apply web.pvrexport.tgz --wait 10 -o json');
  const patch = program
    .command('patch')
    .summary('change the current revision by a patch')
    .description('Changes the current revision by a JSON patch (RFC 6902), or by a merge patch (RFC 7396).')
    .argument('<file>', 'the patch; - reads standard input')
    .option('--merge', 'it is a merge patch')
    .addOption(socketOption())
    .addOption(waitOption())
    .addOption(outputOption('text', 'json'))
    .action(async (file: string, options: Report & Pick<PatchOptions, 'merge' | 'socket'>) =>
      finish(await (await import('./verbs/patch.ts')).patch(file, report(options), context)),
    );
  examples(
    patch,
    'holdfast patch change.json',
    `echo '{"web/run.json": {"group": "app"}}' | holdfast patch --merge -`,
  );
  const down = program
    .command('down')
    .summary('take everything of Holdfast away')
    .description(
      'Stops and removes all that Holdfast has made, in order. Nothing else of the host is touched.',
    )
    .addOption(socketOption())
    .addOption(waitOption())
    .addOption(outputOption('text', 'json'))
    .action(async (options: Report) =>
      finish(await (await import('./verbs/down.ts')).down(report(options), context)),
    );
  examples(down, 'holdfast down');
}

function declareLooking(program: Command, context: Context, finish: Finish): void {
  const get = program
    .command('get')
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
  examples(get, 'holdfast get containers', 'holdfast get leases web -o wide', 'holdfast get all -w');
  const describe = program
    .command('describe')
    .summary('show everything about one resource')
    .description('Shows everything about one resource; the first line says why it is as it is.')
    .argument('<kind>', 'pool, lease or container')
    .argument('[name]', 'its name, or a part of it that no other has')
    .addOption(socketOption())
    .addOption(outputOption('text', 'json'))
    .action(async (kind: string, name: string | undefined, options: DescribeOptions) =>
      finish(await (await import('./verbs/describe.ts')).describe(kind, name, options, context)),
    );
  examples(describe, 'holdfast describe container web', 'holdfast describe lease/internal/web/eth0');
  const events = program
    .command('events')
    .summary('show what has happened')
    .description('Shows the events that are kept, oldest first, each with its cause.')
    .addOption(socketOption())
    .addOption(outputOption('text', 'json'))
    .option('-f, --follow', 'go on and show every new one')
    .action(async (options: EventsOptions) =>
      finish(await (await import('./verbs/events.ts')).events(options, context)),
    );
  examples(events, 'holdfast events -f');
  program
    .command('version')
    .summary('show versions of program and controller')
    .addOption(socketOption())
    .addOption(outputOption('text', 'json'))
    .action(async (options: TextOrJson) =>
      finish(await (await import('./verbs/version.ts')).version(options, context)),
    );
}

/** The command line: verbs, options, help. `finish` is told the exit code of the verb that was called. */
export function buildProgram(context: Context, finish: Finish): Command {
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
  declareController(program, context, finish);
  declareJudging(program, context, finish);
  declareChanging(program, context, finish);
  declareLooking(program, context, finish);
  return program;
}
