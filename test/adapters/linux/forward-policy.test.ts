import test from 'ava';
import { renderForwardException } from '../../../adapters/linux/forward-policy.ts';

const chain = 'holdfast-0123abcd_ingress';
const jumpFrom = (parent: string) => `-A ${parent} -m comment --comment ${chain} -j ${chain}`;
const rules = ['-o', '-i'].map((side) => `-A ${chain} ${side} br0 -m conntrack --ctstate DNAT -j ACCEPT`);

const saved = (policy: 'ACCEPT' | 'DROP', ...lines: readonly string[]) =>
  [
    '*nat',
    `-A PREROUTING -j ${chain}`,
    'COMMIT',
    '*filter',
    `:FORWARD ${policy} [0:0]`,
    ...lines,
    'COMMIT',
    '',
  ].join('\n');
const docker = ':DOCKER-USER - [0:0]';
const own = `:${chain} - [0:0]`;

interface Case {
  readonly what: string;
  readonly bridges?: readonly string[];
  readonly now: string;
  /** Lines for the filter table; none: nothing is to be done. */
  readonly due: readonly string[];
}

const cases: readonly Case[] = [
  { what: 'nothing is dropped, and nothing is ours', now: saved('ACCEPT'), due: [] },
  { what: 'there are no rules at all', now: '', due: [] },
  { what: 'all is dropped', now: saved('DROP'), due: [own, `-I ${jumpFrom('FORWARD').slice(3)}`, ...rules] },
  {
    what: 'Docker drops',
    now: saved('DROP', docker),
    due: [own, `-I ${jumpFrom('DOCKER-USER').slice(3)}`, ...rules],
  },
  {
    what: 'the exception is there',
    now: saved('DROP', docker, own, jumpFrom('DOCKER-USER'), ...rules),
    due: [],
  },
  {
    what: 'Docker has come later',
    now: saved('DROP', docker, own, jumpFrom('FORWARD'), ...rules),
    due: [own, `-D ${jumpFrom('FORWARD').slice(3)}`, `-I ${jumpFrom('DOCKER-USER').slice(3)}`, ...rules],
  },
  {
    what: 'a rule of it is lost',
    now: saved('DROP', own, jumpFrom('FORWARD'), ...rules.slice(1)),
    due: [own, `-D ${jumpFrom('FORWARD').slice(3)}`, `-I ${jumpFrom('FORWARD').slice(3)}`, ...rules],
  },
  {
    what: 'no forward is left',
    bridges: [],
    now: saved('DROP', own, jumpFrom('FORWARD'), ...rules),
    due: [own, `-D ${jumpFrom('FORWARD').slice(3)}`, `-X ${chain}`],
  },
  {
    what: 'nothing is dropped any more',
    now: saved('ACCEPT', own, jumpFrom('FORWARD'), ...rules),
    due: [own, `-D ${jumpFrom('FORWARD').slice(3)}`, `-X ${chain}`],
  },
];

for (const { what, bridges = ['br0'], now, due } of cases) {
  test(`[ING-9] the exception from the FORWARD policy, when ${what}`, (t) => {
    const text = due.length === 0 ? '' : `*filter\n${due.join('\n')}\nCOMMIT\n`;
    t.is(renderForwardException(chain, bridges, now), text);
  });
}
