import test from 'ava';
import { listenerConditions } from '../../controller/listener-conditions.ts';
import type { ListenerSight } from '../../controller/route-items.ts';
import {
  apiRoute,
  desiredListener,
  lostRoute,
  observedListener,
  routeItem,
  sight,
  status,
} from './ingress-fixtures.ts';

const lost = { ...routeItem(lostRoute, 'Blocked', 'no service htpt'), reason: 'ServiceNotFound' };
const tolerated = status('Blocked', {
  reason: 'ServiceNotFound',
  message: 'no service htpt',
  tolerated: true,
});

/** `Accepted ResolvedRefs Programmed`, each with its reason. */
const cases: readonly (readonly [
  what: string,
  listener: Partial<ListenerSight>,
  routes: readonly (typeof lost)[],
  conditions: readonly string[],
])[] = [
  ['all is well', {}, [routeItem(apiRoute)], ['True Accepted', 'True ResolvedRefs', 'True Programmed']],
  [
    'it is being made',
    { observed: undefined, status: status('Progressing') },
    [routeItem(apiRoute)],
    ['Unknown Pending', 'True ResolvedRefs', 'False Pending'],
  ],
  [
    '[ING-3] another process has its port',
    { observed: undefined, status: status('Blocked', { reason: 'PortTaken' }) },
    [routeItem(apiRoute)],
    ['False PortTaken', 'True ResolvedRefs', 'False PortTaken'],
  ],
  [
    '[ING-4] one of its rules leads to nothing, and it serves the others',
    { status: tolerated },
    [lost, routeItem(apiRoute)],
    ['True Accepted', 'False ServiceNotFound', 'True Programmed'],
  ],
  [
    '[ING-4] its only rule leads to nothing, so that nothing listens',
    { observed: undefined, status: tolerated },
    [lost],
    ['Unknown Pending', 'False ServiceNotFound', 'False ServiceNotFound'],
  ],
  [
    'its proxy does not start',
    { observed: undefined, status: status('Failed', { reason: 'ProxyFailed' }) },
    [routeItem(apiRoute)],
    ['Unknown Pending', 'True ResolvedRefs', 'False ProxyFailed'],
  ],
  [
    'what it was made from is another revision',
    { observed: observedListener({ digest: 'd0' }), status: status('Progressing') },
    [routeItem(apiRoute)],
    ['True Accepted', 'True ResolvedRefs', 'False Pending'],
  ],
  [
    'somebody took its rules away',
    { observed: observedListener({ drift: ['nothing listens'] }), status: status('Progressing') },
    [routeItem(apiRoute)],
    ['True Accepted', 'True ResolvedRefs', 'False Drifted'],
  ],
  [
    'it is being removed',
    { desired: undefined, status: status('Removing') },
    [],
    ['False Removing', 'False Removing', 'False Removing'],
  ],
];
for (const [what, listener, routes, expected] of cases) {
  test(`conditions of a listener: ${what}`, (t) => {
    const conditions = listenerConditions(sight(listener), routes);
    t.deepEqual(
      conditions.map((condition) => `${condition.status} ${condition.reason}`),
      expected,
    );
    t.deepEqual(
      conditions.map(({ type, revision }) => `${type} ${revision}`),
      ['Accepted 7', 'ResolvedRefs 7', 'Programmed 7'],
    );
    t.true(conditions.every(({ message }) => message !== ''));
  });
}

test('a condition that is wrong says what is, and one that is right where it listens', (t) => {
  const [, refs, programmed] = listenerConditions(sight(), [lost, { ...lost, message: 'no container db' }]);
  t.is(refs?.message, 'no service htpt; no container db');
  t.is(programmed?.message, 'it listens at 0.0.0.0:80, [::]:80');
  const [, , drifted] = listenerConditions(
    sight({
      desired: desiredListener(),
      observed: observedListener({ drift: ['nothing listens at 0.0.0.0:80', 'no counters'] }),
    }),
    [],
  );
  t.is(drifted?.message, 'nothing listens at 0.0.0.0:80; no counters');
});
