import type { Source } from './sources.ts';

/** What tells the time, waits or draws lots: it comes with the input, from the clock, or not at all. */
const timeAndChance = [
  'Date.now',
  'new Date()',
  'performance.now',
  'Math.random',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'AbortSignal.timeout',
];
const timers = /^(node:)?timers(\/promises)?$/;
const timedOperators =
  /^(timer|interval|delay|timeout|timeInterval|timestamp|(debounce|throttle|audit|sample|buffer|window)Time)$/;
const rxjs = /^rxjs(\/operators)?$/;

/** The parts that run on a device; tests, tools and benchmarks measure real time. */
const onDevice = /^(state|reconcilers|adapters|controller)\//;
const theClock = 'controller/clock.ts';
/** Gives way to others, which takes no time of its own. */
const theTurn = 'adapters/linux/next-turn.ts';

function timeUses(source: Source): readonly string[] {
  const imports = source.imports.flatMap((imported) => {
    if (timers.test(imported.specifier)) return [imported.specifier];
    return rxjs.test(imported.specifier) ? imported.names.filter((name) => timedOperators.test(name)) : [];
  });
  return [...source.uses.filter((use) => timeAndChance.includes(use)), ...imports];
}

/** Uses of time and chance outside the clock, in words. */
export function clockProblems(sources: readonly Source[]): readonly string[] {
  return sources
    .filter((source) => onDevice.test(source.path) && source.path !== theClock && source.path !== theTurn)
    .flatMap((source) =>
      timeUses(source).map((use) => `${source.path} uses ${use}; time and chance come from ${theClock}`),
    );
}

const silencers = /(?:\/\/|\/\*).*(@ts-(?:ignore|nocheck|expect-error)|biome-ignore-all)/;

/** Comments that switch a check off for good, in words. A single `biome-ignore` gives its reason and may stand. */
export function silencedChecks(sources: readonly Source[]): readonly string[] {
  return sources.flatMap((source) => {
    const found = source.text.match(silencers);
    return found === null ? [] : [`${source.path} has ${found[1]}: mend what is reported instead`];
  });
}
