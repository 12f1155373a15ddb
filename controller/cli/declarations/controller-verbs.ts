import { Option } from 'commander';
import { logLevels, proxyNames } from '../../options.ts';
import {
  adapterOption,
  commitAfterOption,
  examples,
  outputOption,
  socketOption,
  type TextOrJson,
} from '../verb-options.ts';
import type { ReplayVerbOptions } from '../verbs/replay.ts';
import type { RunVerbOptions } from '../verbs/run.ts';
import type { Declare } from './declare.ts';

/** The controller itself, recordings of it, and its version. */

export const declareRun: Declare = (verb, context, finish) => {
  verb
    .summary('run the controller until a signal')
    .description('Runs the controller until SIGINT or SIGTERM. Stopping it stops no container.')
    .addOption(adapterOption().default('auto'))
    .addOption(
      new Option('--proxy <name>', 'what carries ingress that the kernel cannot')
        .choices(proxyNames)
        .default('auto'),
    )
    .option('--serve', 'with --adapter memory: listen for real, and answer for every service')
    .option('--root <dir>', 'where everything is kept')
    .addOption(socketOption())
    .option('--source <dir>', 'apply this directory, and again whenever it changes')
    .option('--record <file>', 'record every input to this file, for replay')
    .addOption(commitAfterOption('commit a revision after all of it has held so long (10 s)'))
    .option('--reboot-command <word...>', 'boot the device by this for a change of a system group')
    .addOption(new Option('--log-level <level>', 'how much to log').choices(logLevels))
    .action(async (options: RunVerbOptions) =>
      finish(await (await import('../verbs/run.ts')).run(options, context)),
    );
  examples(
    verb,
    'holdfast run',
    'holdfast run --adapter memory --root ./state --source ./revision',
    'holdfast run --adapter memory --serve --source ./revision',
    'holdfast run --commit-after 60',
    'holdfast run --reboot-command systemctl reboot',
  );
};

export const declareReplay: Declare = (verb, context, finish) => {
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
      finish(await (await import('../verbs/replay.ts')).replayFile(file, options, context)),
    );
  examples(verb, 'holdfast replay device.jsonl', 'holdfast replay device.jsonl -v');
};

export const declareVersion: Declare = (verb, context, finish) => {
  verb
    .summary('show versions of program and controller')
    .description('Shows the versions of this program, of its Node, and of the controller where one answers.')
    .addOption(socketOption())
    .addOption(outputOption('text', 'json'))
    .action(async (options: TextOrJson) =>
      finish(await (await import('../verbs/version.ts')).version(options, context)),
    );
  examples(verb, 'holdfast version', 'holdfast version -o json');
};
