import type { Source } from './sources.ts';

/** Ids of the rules that a spec states: lines that begin `- **POOL-3**`. */
export function statedRules(spec: string): readonly string[] {
  return [...spec.matchAll(/^- \*\*([A-Z]+-\d+)\*\*/gm)].flatMap((match) => match[1] ?? []);
}

/** Rules that a title says it proves: the ids in the brackets that it begins with, `[POOL-3] [ENG-8] …` or `[POOL-3, ENG-8] …`. */
export function quotedRules(title: string): readonly string[] {
  const brackets = title.match(/^(?:\[[A-Z]+-\d+(?:, ?[A-Z]+-\d+)*\] ?)+/);
  return brackets === null ? [] : (brackets[0].match(/[A-Z]+-\d+/g) ?? []);
}

/** Where spec and tests disagree, in words: rules stated twice, rules without a test, ids that the spec lacks. */
export function specProblems(spec: string, tests: readonly Source[]): readonly string[] {
  const stated = statedRules(spec);
  const quoted = tests.flatMap((test) =>
    test.strings.flatMap(quotedRules).map((rule) => ({ rule, path: test.path })),
  );
  const proven = new Set(quoted.map(({ rule }) => rule));
  const unknown = quoted.filter(({ rule }) => !stated.includes(rule));
  return [
    ...stated
      .filter((rule, index) => stated.indexOf(rule) !== index)
      .map((rule) => `${rule} is stated twice`),
    ...stated.filter((rule) => !proven.has(rule)).map((rule) => `${rule} is stated and no test quotes it`),
    ...unknown.map(({ rule, path }) => `${path} quotes ${rule}, which docs/spec.md does not state`),
  ];
}
