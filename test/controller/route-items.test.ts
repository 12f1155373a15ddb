import test from 'ava';
import { type ListenerSight, type RouteSurroundings, routeItems } from '../../controller/route-items.ts';
import type { Finding } from '../../state/finding.ts';
import type { Key } from '../../state/resource.ts';
import type { Status } from '../../state/status.ts';
import { apiRoute, desiredListener, lostRoute, sight, status, webRoute } from './ingress-fixtures.ts';

const providers: Readonly<Record<string, Status>> = {
  'container/web': status('Ready'),
  'container/api': status('Ready'),
};

/** How each rule of a listener stands. */
function standings(
  listener: Partial<ListenerSight>,
  more: Readonly<Record<string, Status>> = {},
  findings: readonly Finding[] = [],
): readonly (readonly [rule: string, phase: string, reason: string, message: string])[] {
  const known: Readonly<Record<string, Status>> = { ...providers, ...more };
  const surroundings: RouteSurroundings = { statusOf: (key: Key) => known[key], findings };
  return routeItems(sight(listener), surroundings).map(({ rule, phase, reason, message }) => [
    rule,
    phase,
    reason,
    message,
  ]);
}

test('a rule that is served by a provider that is ready is Ready', (t) => {
  t.deepEqual(standings({}), [
    ['api', 'Ready', 'Serving', 'api serves it'],
    ['web', 'Ready', 'Serving', 'web serves it'],
  ]);
});

const providerPhases = ['Pending', 'Waiting', 'Progressing', 'Blocked', 'Failed', 'Removing'] as const;
for (const phase of providerPhases) {
  test(`a rule is never better than its provider: ${phase}`, (t) => {
    const [api, web] = standings({}, { 'container/api': status(phase, { message: 'exited\npanic' }) });
    t.deepEqual(api, ['api', phase, 'ProviderNotReady', `container 'api' is ${phase}: exited`]);
    t.is(web?.[1], 'Ready');
  });

  test(`a rule is never better than its listener: ${phase}`, (t) => {
    const rows = standings({ status: status(phase, { reason: 'PortTaken', message: 'nginx has it' }) });
    t.deepEqual(rows[0], ['api', phase, 'PortTaken', 'nginx has it']);
    t.is(rows[1]?.[1], phase);
  });
}

test('a rule whose provider nobody knows of yet waits for it', (t) => {
  const surroundings = { statusOf: () => undefined, findings: [] };
  const [api] = routeItems(sight(), surroundings);
  t.like(api, { phase: 'Waiting', reason: 'ProviderNotReady', message: "there is no container 'api' yet" });
});

const unresolvedFinding = (pointer: string, code: string, message: string): Finding => ({
  severity: 'warning',
  code,
  pointer,
  found: 'x',
  expected: 'y',
  message,
});
const conflict = { code: 'ServiceNotFound', message: 'both lead to nothing', tolerated: true } as const;
const halfLost = {
  desired: desiredListener([lostRoute, apiRoute], { conflict }),
  status: status('Blocked', { reason: conflict.code, message: conflict.message, tolerated: true }),
};

test('[ING-4] a rule that leads to nothing is Blocked by its own finding, and the others of its listener serve', (t) => {
  const findings = [
    unresolvedFinding('/device.json/ingress/0/host', 'FieldIgnored', 'another matter'),
    unresolvedFinding('/device.json/ingress/01/service', 'ServiceNotFound', 'another rule'),
    unresolvedFinding(
      '/device.json/ingress/0/service',
      'ServiceNotFound',
      "ingress rule 'lost' leads to nothing",
    ),
  ];
  t.deepEqual(standings(halfLost, {}, findings), [
    ['lost', 'Blocked', 'ServiceNotFound', 'it leads to nothing'],
    ['api', 'Ready', 'Serving', 'api serves it'],
  ]);
});

test('[ING-4] where no finding says why, the conflict of the listener does', (t) => {
  t.deepEqual(standings(halfLost)[0], ['lost', 'Blocked', 'ServiceNotFound', 'both lead to nothing']);
});

test('rules of a listener that is being removed are shown as they were made', (t) => {
  const items = routeItems(sight({ desired: undefined, status: status('Removing') }), {
    statusOf: (key) => providers[key],
    findings: [],
  });
  t.deepEqual(
    items.map(({ rule, phase, pointer }) => [rule, phase, pointer]),
    [
      ['api', 'Removing', null],
      ['web', 'Removing', null],
    ],
  );
});

test('a rule says where it is declared, what it is for and where it leads', (t) => {
  const [, web] = routeItems(sight(), { statusOf: (key) => providers[key], findings: [] });
  t.like(web, { ...webRoute, listener: 'listener/:80', type: 'http', pointer: '/device.json/ingress/1' });
});
