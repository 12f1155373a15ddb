import test from 'ava';
import { ruleTraffic } from '../../../adapters/ingress/rule-traffic.ts';
import type { ListenerSpec } from '../../../state/resource.ts';

const route = { host: null, path: '', keepPrefix: false, provider: 'web', service: 's', backend: null };
const spec: ListenerSpec = {
  type: 'tcp',
  addresses: ['0.0.0.0', '::'],
  port: 1,
  routes: [{ ...route, rule: 'gate' }],
};
const records = new Map([['listener/:1', { spec, digest: '' }] as const]);
const counted = { connections: 1, bytesIn: 20, bytesOut: 300 };

test('[ING-9] what kernel and proxy carry of one rule is told as one', (t) => {
  const traffic = ruleTraffic(
    records,
    [{ rule: 'gate', ...counted }],
    [
      { rule: 'gate', listener: ':1', ...counted },
      { rule: 'site', listener: ':80', ...counted },
    ],
  );
  t.deepEqual(traffic, [
    { rule: 'gate', listener: 'listener/:1', connections: 2, bytesIn: 40, bytesOut: 600 },
    { rule: 'site', listener: 'listener/:80', ...counted },
  ]);
});

test('[ING-9] a forward of a rule that is on no record is told of nobody', (t) => {
  t.deepEqual(ruleTraffic(records, [{ rule: 'old', ...counted }], []), []);
});
