import test from 'ava';
import { GroupIndex, type Sight } from '../../controller/group-index.ts';
import { containerKey, type DesiredResource, type Key } from '../../state/resource.ts';
import { storeOf } from '../state/stores.ts';
import { servingRevision } from './serving-revision.ts';

const one = storeOf(servingRevision({ c: {} }, [{ name: 'app' }])).desired(
  containerKey('c'),
) as DesiredResource<'container'>;
const lifecycle = { group: 'app', rank: 0, recovery: null };
const gone: Sight = { observed: undefined, coming: undefined, isSpent: false };
const keyAt = (place: number): Key => containerKey(`c${place}`);

/** A container that requires the one before it. */
const inChain = (place: number): DesiredResource => ({
  ...one,
  lifecycle,
  key: keyAt(place),
  dependsOn: place === 0 ? [] : [keyAt(place - 1)],
});

for (const [order, placeOf] of [
  ['first to last', (index: number) => index],
  ['last to first', (index: number, length: number) => length - 1 - index],
] as const) {
  test(`[LINK-8] [REV-8] who waits for one that stays down holds up no group, however long the chain is, entered from ${order}`, (t) => {
    const length = 30_000;
    const groups = new GroupIndex();
    for (let index = 0; index < length; index += 1) {
      const place = placeOf(index, length);
      groups.refresh(keyAt(place), inChain(place), gone);
    }
    t.true(groups.isAwaited(0));
    t.deepEqual(groups.refresh(keyAt(0), inChain(0), { ...gone, isSpent: true }), ['group/app']);
    t.false(groups.isAwaited(0));
    t.deepEqual(groups.refresh(keyAt(0), inChain(0), gone), ['group/app']);
    t.true(groups.isAwaited(0));
  });
}
