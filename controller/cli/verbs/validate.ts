import { acceptable, type Finding } from '../../../state/finding.ts';
import { DesiredStore } from '../../../state/store.ts';
import { gatherFacts } from '../../facts.ts';
import { objectFiles } from '../../object-files.ts';
import { withLocations } from '../../source/locate.ts';
import { readSource } from '../../source/read-source.ts';
import type { Source } from '../../source/source.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../failure.ts';
import { findingCounts, findingsText } from '../render/finding-text.ts';
import { json } from '../render/text.ts';

/** Findings of reading, then of everything that a controller would say to this revision as its first. */
async function findingsOf(source: Source): Promise<readonly Finding[]> {
  if (!acceptable(source.findings)) return source.findings;
  const store = new DesiredStore();
  const draft = store.draft({ type: 'replace', state: source.state });
  const files = objectFiles((sha256) => source.objects.get(sha256)?.path);
  const { findings } = store.propose(draft, await gatherFacts(draft.objects, files));
  return [...source.findings, ...withLocations(source, findings)];
}

/** Says whether what is at `path` is a revision that can be applied. Needs no controller and touches nothing. */
export async function validate(
  path: string,
  { output }: { readonly output: 'text' | 'json' },
  { terminal }: Context,
): Promise<number> {
  await using source = await readSource(path);
  const findings = await findingsOf(source);
  const ok = acceptable(findings);
  if (output === 'json') {
    terminal.out(json({ ok, findings }));
  } else {
    const counts = findingCounts(findings);
    const verdict = ok ? 'valid' : 'invalid';
    terminal.out(`${findingsText(findings, terminal)}${verdict}${counts === '' ? '' : `: ${counts}`}\n`);
  }
  return ok ? exitCodes.ok : exitCodes.invalid;
}
