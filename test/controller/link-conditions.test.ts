import test from 'ava';
import { linkConditions } from '../../controller/link-conditions.ts';
import { isFromBefore, type LinkEnds, type LinkSight, linkEnds } from '../../controller/link-sight.ts';
import type { Key, ObservedResource } from '../../state/resource.ts';
import { status } from './ingress-fixtures.ts';
import { ends, linkSight, madeFacts, observedLink, rawSpec } from './link-fixtures.ts';

const awaits = "there is no /run/example/raw.sock in container 'server'";
const blocked = (reason: string) => status('Blocked', { reason });

/** `Accepted ResolvedRefs Programmed`, each with its reason. */
const cases: readonly (readonly [
  what: string,
  link: Partial<LinkSight>,
  ends: LinkEnds,
  conditions: readonly string[],
])[] = [
  ['all is well', {}, ends(), ['True Accepted', 'True ResolvedRefs', 'True Programmed']],
  [
    'it is being made',
    { observed: undefined, status: status('Progressing') },
    ends(),
    ['Unknown Pending', 'Unknown Pending', 'False Pending'],
  ],
  [
    '[LINK-12] what is at its target is not ours',
    { observed: undefined, status: blocked('LinkTargetTaken') },
    ends(),
    ['False LinkTargetTaken', 'Unknown Pending', 'False LinkTargetTaken'],
  ],
  [
    '[LINK-11] its source leads out of its container',
    { observed: undefined, status: blocked('LinkSourceRefused') },
    ends(),
    ['Unknown Pending', 'False LinkSourceRefused', 'False LinkSourceRefused'],
  ],
  [
    '[LINK-7] its device is none that the provider may have',
    { status: blocked('LinkDeviceRefused'), observed: observedLink({ digest: 'd0' }) },
    ends(),
    ['True Accepted', 'False LinkDeviceRefused', 'False LinkDeviceRefused'],
  ],
  [
    'its provider has yet to make its socket',
    { observed: observedLink({ facts: { ...madeFacts, awaits } }), status: status('Waiting') },
    ends(),
    ['True Accepted', 'False BackendNotFound', 'False Pending'],
  ],
  [
    'its provider does not run',
    { status: status('Waiting') },
    ends({ provider: { pid: null } }),
    ['True Accepted', 'False ProviderNotReady', 'False Drifted'],
  ],
  [
    'its consumer was started anew',
    { status: status('Progressing') },
    ends({ consumer: { pid: 5000 } }),
    ['True Accepted', 'True ResolvedRefs', 'False Drifted'],
  ],
  [
    'its consumer took it away',
    { observed: observedLink({ drift: ['nothing is mounted at it'] }), status: status('Progressing') },
    ends(),
    ['True Accepted', 'True ResolvedRefs', 'False Drifted'],
  ],
  [
    'what it was made from is another revision',
    { observed: observedLink({ digest: 'd0' }), status: status('Progressing') },
    ends(),
    ['True Accepted', 'True ResolvedRefs', 'False Pending'],
  ],
  [
    'its proxy does not start',
    { observed: undefined, status: status('Failed', { reason: 'ProxyFailed' }) },
    ends(),
    ['Unknown Pending', 'Unknown Pending', 'False ProxyFailed'],
  ],
  [
    '[LINK-10] it is being removed',
    { desired: undefined, status: status('Removing') },
    ends(),
    ['False Removing', 'False Removing', 'False Removing'],
  ],
];
for (const [what, link, both, expected] of cases) {
  test(`conditions of a link: ${what}`, (t) => {
    const conditions = linkConditions(linkSight(link), both);
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

const messages: readonly (readonly [what: string, link: Partial<LinkSight>, LinkEnds, message: string])[] = [
  [
    'where it is',
    {},
    ends(),
    "container 'client' has at /run/pv/services/raw.sock what container 'server' has at /run/example/raw.sock",
  ],
  ['what it awaits', { observed: observedLink({ facts: { ...madeFacts, awaits } }) }, ends(), awaits],
  ['what drifted', { observed: observedLink({ drift: ['one', 'two'] }) }, ends(), 'one; two'],
  [
    'who was started anew',
    {},
    ends({ provider: { pid: 5000 } }),
    "container 'server' was started anew since it was made",
  ],
  [
    'who does not run any more',
    {},
    ends({ consumer: { pid: null } }),
    "container 'client', for which it was made, does not run any more",
  ],
];
for (const [what, link, both, message] of messages) {
  test(`the last condition of a link says ${what}`, (t) => {
    t.is(linkConditions(linkSight(link), both).at(-1)?.message, message);
  });
}

test('the ends of a link have the processes of now and of when it was made', (t) => {
  const containers = (key: Key) =>
    key === 'container/client' ? ({ facts: { pid: 5000 } } as unknown as ObservedResource) : undefined;
  const both = linkEnds(linkSight(), rawSpec, containers);
  t.deepEqual(both, ends({ consumer: { pid: 5000 }, provider: { pid: null } }));
  t.true(isFromBefore(both.consumer) && isFromBefore(both.provider));
  const fresh = linkEnds(linkSight({ observed: undefined }), rawSpec, containers);
  t.deepEqual(fresh.consumer, { container: 'client', path: rawSpec.target, pid: 5000, made: null });
  t.false(isFromBefore(fresh.consumer));
});
