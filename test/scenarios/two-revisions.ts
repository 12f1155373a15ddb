import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { inits, makeBusyboxRoot, packObject } from '../lab/busybox-root.ts';
import type { Device } from './device.ts';
import { type HostState, hostChanges, hostState } from './host-state.ts';
import { container, type Part, stateOf } from './states.ts';
import { type Call, callsDuring, tellingCalls } from './traced-calls.ts';

/**
 * Two revisions that between them take every kind of step, whichever comes after the other: pools of all sorts come, go and change, of the
 * containers one moves, one comes, one goes, and `still` is in both as it is. The device must not have been started.
 */
export async function twoRevisions(made: Device): Promise<readonly [Part, Part]> {
  const directory = await makeBusyboxRoot(join(made.directory, 'busybox'), inits.graceful);
  await mkdir(made.root, { mode: 0o700, recursive: true });
  const object = await packObject(directory, join(made.root, 'objects'));
  const of = (name: string, pool: string, root: Parameters<typeof container>[1]) =>
    container(name, root, { network: { pool } });
  const still = of('still', 'lan', { directory });
  const lan = { bridge: 'pvbr9', subnet: '10.0.9.0/24' };
  const one = stateOf(
    { lan, a: { bridge: 'pvbr0', subnet: '10.0.5.0/24', nat: true } },
    {},
    still,
    of('x', 'a', { directory }),
    of('y', 'a', { object }),
  );
  const b = { bridge: 'pvbr0', subnet: '10.0.7.0/24' };
  const c = { bridge: 'pvbr3', subnet: '10.0.8.0/24', nat: true };
  const other = stateOf({ lan, b, c }, {}, still, of('x', 'b', { directory }), of('z', 'c', { object }));
  return [one, other];
}

/** A revision, and what it is on the host. */
export interface Side {
  readonly state: Part;
  readonly host: HostState;
  /** What the controller does to get here from the other. */
  readonly calls: readonly Call[];
}

/** Makes each of two revisions DONE, from the other, and looks at what is there then; ends with the second. */
export async function sidesOf(
  made: Device,
  [one, other]: readonly [Part, Part],
): Promise<readonly [Side, Side]> {
  await made.propose(one);
  await made.propose(other);
  const side = async (state: Part): Promise<Side> => {
    const calls = await callsDuring(made, tellingCalls, () => made.propose(state));
    return { state, calls, host: await hostState(made) };
  };
  return [await side(one), await side(other)];
}

/** Where a device is that was interrupted on its way from one revision to the other. */
export interface Landing {
  readonly isNew: boolean;
  /** What is not as it was when that revision was DONE, in lines; none: nothing. */
  readonly wrong: readonly string[];
}

/** Waits until the device is at rest and compares it, whole, with what the revision is that it says it is at. */
export async function landing(made: Device, from: Side, to: Side): Promise<Landing> {
  const { problems } = await made.atRest();
  const { state } = await made.current();
  const isNew = JSON.stringify(state) === JSON.stringify(to.state);
  const isOld = JSON.stringify(state) === JSON.stringify(from.state);
  const history = await made.history();
  const unended = history.filter(({ phase, desired }) =>
    desired ? phase !== 'DONE' : phase === 'INPROGRESS',
  );
  const wrong = [
    ...hostChanges(isNew ? to.host : from.host, await hostState(made)),
    ...problems.map(({ key, why }) => `${key}: ${why}`),
    ...unended.map((entry) => JSON.stringify(entry)),
    ...(isNew || isOld ? [] : ['neither the old nor the new revision is desired']),
  ];
  return { isNew, wrong };
}

/** `count` of these, as far apart as can be, the first and the last among them. */
export function spread<Item>(items: readonly Item[], count: number): Item[] {
  const step = (items.length - 1) / (count - 1);
  const chosen = new Set(Array.from({ length: count }, (_, index) => Math.round(index * step)));
  return items.filter((_, index) => chosen.has(index));
}
