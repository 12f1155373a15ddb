import { catalogEntry, findingCatalog } from '../../../state/finding-catalog.ts';
import { meantHint } from '../../../state/nearest-name.ts';
import type { Context } from '../context.ts';
import { CliFailure, exitCodes } from '../failure.ts';
import { tableText } from '../render/table.ts';
import { json, wrapped } from '../render/text.ts';

/** All codes with their titles. */
function overview({ terminal }: Context): string {
  const columns = [{ title: 'CODE' }, { title: 'SEVERITY' }, { title: 'MEANING', flexible: true }];
  const rows = Object.entries(findingCatalog)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([code, { severity, title }]) => [{ text: code }, { text: severity }, { text: title }]);
  return tableText(columns, rows, terminal.width, terminal.paint);
}

/** Explains one code of findings and conflicts, or lists them all. */
export async function explain(
  code: string | undefined,
  { output }: { readonly output: 'text' | 'json' },
  context: Context,
): Promise<number> {
  const { terminal } = context;
  if (code === undefined) {
    terminal.out(output === 'json' ? json(findingCatalog) : overview(context));
    return exitCodes.ok;
  }
  const entry = catalogEntry(code);
  if (entry === undefined) {
    const hint = meantHint(code, Object.keys(findingCatalog)) ?? "'holdfast explain' lists all codes";
    throw new CliFailure(exitCodes.notFound, `there is no code '${code}'`, hint);
  }
  if (output === 'json') {
    terminal.out(json({ code, ...entry }));
    return exitCodes.ok;
  }
  const { severity, title, explanation, remedy } = entry;
  terminal.out(`${terminal.paint('strong', code)} (${severity}): ${title}\n\n`);
  terminal.out(wrapped(explanation, terminal.width));
  terminal.out(`\nWhat to do:\n${wrapped(remedy, terminal.width, '  ')}`);
  return exitCodes.ok;
}
