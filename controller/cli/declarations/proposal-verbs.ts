import {
  adapterOption,
  addOptions,
  examples,
  outputOption,
  pathMeaning,
  readRevisionArgument,
  report,
  socketOption,
  type TextOrJson,
  trialOptions,
  type WaitAndReport,
  waitOptions,
} from '../verb-options.ts';
import type { PatchOptions } from '../verbs/patch.ts';
import type { PlanOptions } from '../verbs/plan.ts';
import type { Declare } from './declare.ts';

export const declareValidate: Declare = (verb, context, finish) => {
  verb
    .summary('say whether a revision can be applied')
    .description('Judges a revision and reports everything that is wrong with it. Needs no controller.')
    .argument('<path>', pathMeaning)
    .addOption(outputOption('text', 'json'))
    .action(async (path: string, options: TextOrJson) =>
      finish(await (await import('../verbs/validate.ts')).validate(path, options, context)),
    );
  examples(verb, 'holdfast validate ./revision', 'holdfast validate state.json -o json');
};

export const declarePlan: Declare = (verb, context, finish) => {
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
      finish(await (await import('../verbs/plan.ts')).plan(path, options, context)),
    );
  examples(
    verb,
    'holdfast plan ./revision',
    'holdfast plan ./revision --adapter lxc   (without a controller)',
  );
};

export const declareApply: Declare = (verb, context, finish) => {
  verb
    .summary('put a revision on trial, and commit it if it holds')
    .description(
      'Puts a revision on trial and waits for its end: DONE when all of it is ready and has held for a while, ' +
        'or ERROR, with the revision before it made so again.',
    )
    .argument('<path>', pathMeaning)
    .addOption(socketOption());
  addOptions(verb, trialOptions())
    .addOption(outputOption('text', 'json'))
    .action(async (path: string, options: WaitAndReport) =>
      finish(await (await import('../verbs/apply.ts')).apply(path, report(options), context)),
    );
  examples(
    verb,
    'holdfast apply ./revision -m "web: new logo"',
    'holdfast apply web.pvrexport.tgz --wait 60 -o json',
    'holdfast apply ./revision --commit-after 60 --no-wait',
  );
};

export const declarePatch: Declare = (verb, context, finish) => {
  verb
    .summary('the same, with a change of the desired revision')
    .description(
      'Changes the desired revision by a JSON patch (RFC 6902), or by a merge patch (RFC 7396), and puts the result on trial.',
    )
    .argument('<file>', 'the patch; - reads standard input')
    .option('--merge', 'it is a merge patch')
    .addOption(socketOption());
  addOptions(verb, trialOptions())
    .addOption(outputOption('text', 'json'))
    .action(async (file: string, options: WaitAndReport & Pick<PatchOptions, 'merge' | 'socket'>) =>
      finish(await (await import('../verbs/patch.ts')).patch(file, report(options), context)),
    );
  examples(
    verb,
    'holdfast patch change.json',
    `echo '{"web/run.json": {"group": "app"}}' | holdfast patch --merge -`,
  );
};

export const declareRollback: Declare = (verb, context, finish) => {
  verb
    .summary('go back to an earlier revision')
    .description(
      'Puts the content of an earlier revision on trial anew. Without a number: ends the trial that is under way, ' +
        'or goes back to what was DONE before the present revision.',
    )
    .argument('[revision]', 'its number, as history has it', readRevisionArgument)
    .addOption(socketOption());
  addOptions(verb, trialOptions())
    .addOption(outputOption('text', 'json'))
    .action(async (revision: number | undefined, options: WaitAndReport) =>
      finish(await (await import('../verbs/rollback.ts')).rollback(revision, report(options), context)),
    );
  examples(verb, 'holdfast rollback', 'holdfast rollback 3 -m "4 loses packets"');
};

export const declareDown: Declare = (verb, context, finish) => {
  verb
    .summary('take everything of Holdfast away')
    .description(
      'Stops and removes all that Holdfast has made, in order. Nothing else of the host is touched. It is committed at once.',
    )
    .addOption(socketOption());
  addOptions(verb, waitOptions())
    .addOption(outputOption('text', 'json'))
    .action(async (options: WaitAndReport) =>
      finish(await (await import('../verbs/down.ts')).down(report(options), context)),
    );
  examples(verb, 'holdfast down', 'holdfast down --no-wait');
};
