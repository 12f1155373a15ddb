import type { Json } from '../../state/json.ts';
import type { DesiredResource, LeaseSpec } from '../../state/resource.ts';
import type { FlatState, HeldLease, ObjectFacts, Proposal, StateChange } from '../../state/revision.ts';
import { DesiredStore } from '../../state/store.ts';

/** sha256 → an LXC configuration with that address of its own (LEASE-6). */
export const bakedTexts: Readonly<Record<string, string>> = Object.fromEntries(
  ['10.0.5.3', '10.0.5.4'].map((address, index) => [
    String(index).repeat(64),
    `lxc.net.0.type = veth\nlxc.net.0.link = lxcbr0\nlxc.net.0.ipv4.address = ${address}/24\n`,
  ]),
);

/** Every object is there, and none but those has a text. */
export const noFacts: ObjectFacts = { texts: bakedTexts, missing: [] };

/** A store that holds `state`. */
export function storeOf(state: FlatState, held: readonly HeldLease[] = []): DesiredStore {
  const store = new DesiredStore({ held });
  apply(store, { type: 'replace', state });
  return store;
}

/** Proposes a change and commits it. */
export function apply(store: DesiredStore, change: StateChange): Proposal {
  const proposal = store.propose(change, noFacts);
  store.commit(proposal);
  return proposal;
}

/** Proposes a change and puts it on trial. */
export function tryOut(store: DesiredStore, change: StateChange): Proposal {
  const proposal = store.propose(change, noFacts);
  store.adopt(proposal);
  return proposal;
}

/** A merge of `documents` into the state. */
export function merging(documents: Readonly<Record<string, Json>>): StateChange {
  return { type: 'merge', patch: documents };
}

/** Everything that is desired, in order. */
export function desiredOf(store: DesiredStore): readonly (DesiredResource | undefined)[] {
  return store.keys().map((key) => store.desired(key));
}

/** The address of a container's first interface; null: it has none, undefined: it asks for none. */
export function addressOf(
  store: DesiredStore,
  container: string,
  pool = 'internal',
): string | null | undefined {
  return (store.desired(`lease/${pool}/${container}/eth0`)?.spec as LeaseSpec | undefined)?.address;
}
