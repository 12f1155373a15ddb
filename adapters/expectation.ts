import type { ObservedResource } from '../state/resource.ts';
import type { Action, Executors, Observation, Step, StepOf } from './adapter.ts';

/** What is there before a step: the present observation of its key. */
type Before = ObservedResource | undefined;

/** A container that is there and does not run. */
function stopped(before: ObservedResource<'container'>): ObservedResource<'container'> {
  return { ...before, drift: ['not running'], facts: { ...before.facts, running: false, pid: null } };
}

function table(before: Before): Executors<ObservedResource | null> {
  return {
    'pool.ensure': ({ key, spec, digest }) => {
      const adopted = before?.kind === 'pool' && (before as ObservedResource<'pool'>).facts.adopted;
      return { key, kind: 'pool', spec, digest, drift: [], facts: { adopted } };
    },
    'pool.remove': () => null,
    'lease.reserve': ({ key, spec, digest }) => ({ key, kind: 'lease', spec, digest, drift: [], facts: {} }),
    'lease.release': () => null,
    'container.start': ({ key, spec, digest }) => ({
      key,
      kind: 'container',
      spec,
      digest,
      drift: [],
      facts: { running: true, pid: null },
    }),
    'container.stop': () => (before === undefined ? null : stopped(before as ObservedResource<'container'>)),
    'container.remove': () => null,
  };
}

/**
 * What a step leaves behind when it does all that it says. The dry run believes in it (ENG-5); the contract suite
 * shows that adapters live up to it.
 */
export function expectation(step: Step, before: Before): Observation {
  const expect = table(before)[step.action] as (step: StepOf<Action>) => ObservedResource | null;
  return { key: step.key, observed: expect(step) };
}
