import { spelledName } from '../kinds.ts';
import { examples, outputOption, readRevisionArgument, socketOption } from '../verb-options.ts';
import type { DiffOptions } from '../verbs/diff.ts';
import type { HistoryOptions } from '../verbs/history.ts';
import type { ShowOptions } from '../verbs/show.ts';
import type { WhyOptions } from '../verbs/why.ts';
import type { Declare } from './declare.ts';

export const declareHistory: Declare = (verb, context, finish) => {
  verb
    .summary('list revisions and how each ended')
    .description(
      'Lists every revision that is remembered, the newest last: when it came, from where, and how it ended.',
    )
    .addOption(socketOption())
    .addOption(outputOption('table', 'json'))
    .action(async (options: HistoryOptions) =>
      finish(await (await import('../verbs/history.ts')).history(options, context)),
    );
  examples(verb, 'holdfast history', 'holdfast history -o json');
};

export const declareShow: Declare = (verb, context, finish) => {
  verb
    .summary('show a revision and what it changed')
    .description(
      'Shows the record of a revision and what it changed against the kept one before it; in JSON, its record and its whole state.',
    )
    .argument('<revision>', 'its number, as history has it', readRevisionArgument)
    .addOption(socketOption())
    .addOption(outputOption('text', 'json'))
    .action(async (revision: number, options: ShowOptions) =>
      finish(await (await import('../verbs/show.ts')).show(revision, options, context)),
    );
  examples(verb, 'holdfast show 3', 'holdfast show 3 -o json');
};

export const declareDiff: Declare = (verb, context, finish) => {
  verb
    .summary('show what differs between two revisions')
    .description(
      'Shows what makes the second revision of the first, place by place; in JSON, as operations of RFC 6902.',
    )
    .argument('<from>', 'number of a revision', readRevisionArgument)
    .argument('<to>', 'number of another', readRevisionArgument)
    .addOption(socketOption())
    .addOption(outputOption('text', 'json'))
    .action(async (from: number, to: number, options: DiffOptions) =>
      finish(await (await import('../verbs/diff.ts')).diff(from, to, options, context)),
    );
  examples(verb, 'holdfast diff 3 4', 'holdfast diff 3 4 -o json | holdfast patch -');
};

export const declareWhy: Declare = (verb, context, finish) => {
  verb
    .summary('say why a revision or a resource is as it is')
    .description(
      'With a number: why that revision ended as it did, and what happened then. With a resource: why it is in its phase.',
    )
    .argument('<what>', 'number of a revision, or a resource as describe takes it')
    .argument('[name...]', 'name of the resource where its kind alone came before')
    .addOption(socketOption())
    .addOption(outputOption('text', 'json'))
    .action(async (what: string, words: readonly string[], options: WhyOptions) =>
      finish(await (await import('../verbs/why.ts')).why(what, spelledName(words), options, context)),
    );
  examples(
    verb,
    'holdfast why 7',
    'holdfast why container web',
    'holdfast why route api',
    'holdfast why link client raw',
  );
};
