import type { ObservedResource } from '../state/resource.ts';
import type { Action, Executors, Observation, Step, StepOf } from './adapter.ts';

/** What is there before a step: the present observation of its key. */
type Before = ObservedResource | undefined;

/** A container that is there and does not run: which is all that one to be mounted is about. */
function stopped(before: ObservedResource<'container'>): ObservedResource<'container'> {
  const drift = before.spec.goal === 'MOUNTED' ? [] : ['not running'];
  const exit = before.facts.running ? null : before.facts.exit;
  return { ...before, drift, facts: { running: false, pid: null, ready: false, exit } };
}

/** A container at its goal (CTR-6). */
function started({ key, spec, digest }: StepOf<'container.start'>): ObservedResource<'container'> {
  const running = spec.goal !== 'MOUNTED';
  const facts = { running, pid: null, ready: spec.goal === 'READY', exit: null };
  return { key, kind: 'container', spec, digest, drift: [], facts };
}

/** A link that can be used. Of its ends nothing is known before they are looked at. */
function linked({ key, spec, digest }: StepOf<'link.ensure'>): ObservedResource<'link'> {
  const end = { pid: null, inode: null };
  const facts = { carrier: 'kernel', provider: end, consumer: end, awaits: null } as const;
  return { key, kind: 'link', spec, digest, drift: [], facts };
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
    'container.start': started,
    'container.stop': () => (before === undefined ? null : stopped(before as ObservedResource<'container'>)),
    'container.remove': () => null,
    'listener.ensure': ({ key, spec, digest }) => {
      // Who will carry it is not known before.
      const facts = before?.kind === 'listener' ? before.facts : { carriers: [] };
      return { key, kind: 'listener', spec, digest, drift: [], facts };
    },
    'listener.remove': () => null,
    'link.ensure': linked,
    'link.remove': () => null,
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
