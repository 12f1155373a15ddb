import type { Finding } from '../../state/finding.ts';
import { canonicalJson, type Json } from '../../state/json.ts';
import { pointerTo } from '../../state/pointer.ts';
import type { Fragment } from './source.ts';
import { fileFinding } from './source-problem.ts';

/**
 * One fragment from several (REV-2). An entry that stands in two of them must say the same in both; where it does not,
 * the first one stays and an error names both.
 */
export function mergeFragments(name: string, fragments: readonly Fragment[]): Fragment {
  const entries = new Map<string, Json>();
  const owners = new Map<string, string>();
  const findings: Finding[] = fragments.flatMap((fragment) => fragment.findings);
  for (const fragment of fragments) {
    for (const [path, value] of fragment.entries) {
      const first = entries.get(path);
      if (first === undefined) {
        entries.set(path, value);
        owners.set(path, fragment.name);
      } else if (canonicalJson(first) !== canonicalJson(value)) {
        findings.push(conflict(path, owners.get(path) ?? name, fragment));
      }
    }
  }
  return {
    name,
    entries,
    objects: new Map(fragments.toReversed().flatMap((fragment) => [...fragment.objects])),
    files: new Map(fragments.toReversed().flatMap((fragment) => [...fragment.files])),
    findings,
  };
}

function conflict(path: string, owner: string, second: Fragment): Finding {
  return fileFinding(
    { file: second.files.get(path)?.file ?? second.name, pointer: pointerTo(path) },
    {
      code: 'EntriesConflict',
      found: `another '${path}' than the one in ${owner}`,
      expected: `'${path}' to say the same in ${owner} and in ${second.name}`,
      hint: `remove '${path}' from one of the two`,
    },
  );
}
