import { spelledName } from '../kinds.ts';
import { examples, outputOption, socketOption, type TextOrJson } from '../verb-options.ts';
import type { DescribeOptions } from '../verbs/describe.ts';
import type { EventsOptions } from '../verbs/events.ts';
import type { GetOptions } from '../verbs/get.ts';
import type { GraphOptions } from '../verbs/graph.ts';
import type { Declare } from './declare.ts';

export const declareGet: Declare = (verb, context, finish) => {
  verb
    .summary('list resources')
    .description(
      'Lists resources: pools, leases, groups, containers, listeners, links, or all of them; or routes, the rules of all listeners.',
    )
    .argument('[kind]', 'such as containers, or routes', 'all')
    .argument('[name...]', 'its name or a part of it; of a link, who or what is at an end')
    .addOption(socketOption())
    .addOption(outputOption('table', 'wide', 'json', 'name'))
    .option('-w, --watch', 'go on and show every change')
    .action(async (kind: string, words: readonly string[], options: GetOptions) =>
      finish(await (await import('../verbs/get.ts')).get(kind, spelledName(words), options, context)),
    );
  examples(
    verb,
    'holdfast get containers',
    'holdfast get leases web -o wide',
    'holdfast get all -w',
    'holdfast get routes -o wide',
    'holdfast get links client',
  );
};

export const declareDescribe: Declare = (verb, context, finish) => {
  verb
    .summary('show everything about one resource')
    .description('Shows everything about one resource; the first line says why it is as it is.')
    .argument('<kind>', 'pool, lease, group, container, listener, link or route')
    .argument('[name...]', 'its name, or a part of it that no other has')
    .addOption(socketOption())
    .addOption(outputOption('text', 'json'))
    .action(async (kind: string, words: readonly string[], options: DescribeOptions) =>
      finish(
        await (await import('../verbs/describe.ts')).describe(kind, spelledName(words), options, context),
      ),
    );
  examples(
    verb,
    'holdfast describe container web',
    'holdfast describe lease/internal/web/eth0',
    'holdfast describe listener :80',
    'holdfast describe link client raw',
    'holdfast describe link client /run/pv/services/raw.sock',
  );
};

export const declareGraph: Declare = (verb, context, finish) => {
  verb
    .summary('show who is connected to what')
    .description(
      'Shows each link between a consumer and a service of a container; what comes in from outside has the consumer EXTERNAL.',
    )
    .addOption(socketOption())
    .addOption(outputOption('table', 'json', 'dot', 'mermaid'))
    .action(async (options: GraphOptions) =>
      finish(await (await import('../verbs/graph.ts')).graph(options, context)),
    );
  examples(verb, 'holdfast graph', 'holdfast graph -o dot | dot -Tsvg > graph.svg');
};

export const declareEvents: Declare = (verb, context, finish) => {
  verb
    .summary('show what has happened')
    .description('Shows the events that are kept, oldest first, each with its cause.')
    .addOption(socketOption())
    .addOption(outputOption('text', 'json'))
    .option('-f, --follow', 'go on and show every new one')
    .action(async (options: EventsOptions) =>
      finish(await (await import('../verbs/events.ts')).events(options, context)),
    );
  examples(verb, 'holdfast events -f');
};

export const declareExplain: Declare = (verb, context, finish) => {
  verb
    .summary('explain a code of a finding or conflict')
    .description('Explains what a code means and what to do about it; without a code, lists all of them.')
    .argument('[code]', 'such as SubnetOverlap')
    .addOption(outputOption('text', 'json'))
    .action(async (code: string | undefined, options: TextOrJson) =>
      finish(await (await import('../verbs/explain.ts')).explain(code, options, context)),
    );
  examples(verb, 'holdfast explain', 'holdfast explain BadJson');
};
