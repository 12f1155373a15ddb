import test from 'ava';
import { type IngressRule, readExternal } from '../../state/ingress.ts';
import type { Json } from '../../state/json.ts';
import { readDevice } from '../../state/read-device.ts';

const any = { host: null, port: 80 };

const readings: readonly (readonly [external: string, type: IngressRule['type'], expected: unknown])[] = [
  ['0.0.0.0:80', 'tcp', { listen: { host: '0.0.0.0', port: 80 }, path: '' }],
  [':80', 'tcp', { listen: any, path: '' }],
  ['[::]:80', 'tcp', { listen: { host: '::', port: 80 }, path: '' }],
  ['10.0.0.1:65535', 'tcp', { listen: { host: '10.0.0.1', port: 65_535 }, path: '' }],
  ['[fd00:0:0::1]:80', 'tcp', { listen: { host: 'fd00::1', port: 80 }, path: '' }],
  [':80/api', 'http', { listen: any, path: '/api' }],
  [':80/api/v1/', 'http', { listen: any, path: '/api/v1' }],
  [':80/', 'http', { listen: any, path: '' }],
  [':80/', 'tcp', { listen: any, path: '' }],
];

for (const [external, type, expected] of readings) {
  test(`[ING-2] ${type} at ${external} is read`, (t) =>
    t.deepEqual(readExternal(external, type), expected as never));
}

const refused: readonly (readonly [external: string, type: IngressRule['type'], found: RegExp])[] = [
  ['80', 'tcp', /^"80"$/],
  ['', 'tcp', /^""$/],
  [':0', 'tcp', /^port 0$/],
  [':65536', 'tcp', /^port 65536$/],
  [':99999999999', 'tcp', /999/],
  ['localhost:80', 'tcp', /address "localhost"/],
  ['256.0.0.1:80', 'tcp', /address "256.0.0.1"/],
  ['010.0.0.1:80', 'tcp', /address "010.0.0.1"/],
  ['[::g]:80', 'tcp', /address "\[::g\]"/],
  ['[fe80::1%eth0]:80', 'tcp', /address/],
  ['[10.0.0.1]:80', 'tcp', /address "\[10.0.0.1\]"/],
  ['[a.example]:80', 'tcp', /address/],
  ['[::ffff:10.0.0.1]:80', 'tcp', /address/],
  ['::1:80', 'tcp', /^"::1:80"$/],
  [':80/api', 'tcp', /path "\/api"/],
  [':80/../etc', 'http', /path/],
  [':80//', 'http', /path/],
  [':80/a//b', 'http', /path/],
  [':80/a%2fb', 'http', /path/],
  [':80/a?b', 'http', /path/],
  [':80/a b', 'http', /path/],
  [':80/a\n', 'http', /path|":80/],
];

for (const [external, type, found] of refused) {
  test(`[ING-2] [REV-6] ${type} at ${JSON.stringify(external)} is refused, and what is wrong is named`, (t) => {
    const reading = readExternal(external, type);
    t.true('found' in reading);
    if ('found' in reading) t.regex(reading.found, found);
  });
}

type Short = readonly [type: 'tcp' | 'http', external: string, host?: string];

function findingsOf(...rules: readonly Short[]) {
  const ingress = rules.map(([type, external, host], index) => ({
    name: `rule-${index}`,
    type,
    external,
    provider: 'web',
    service: 'site',
    ...(host === undefined ? {} : { host }),
  }));
  const { device, findings } = readDevice({ ingress } as Json);
  return { device, errors: findings.filter(({ severity }) => severity === 'error'), findings };
}

const sharing: readonly (readonly [about: string, ...rules: Short[]])[] = [
  ['http rules that differ in path', ['http', ':80/api'], ['http', ':80/web']],
  ['http rules of which one is for every path', ['http', ':80'], ['http', ':80/web']],
  ['http rules that differ in host', ['http', ':80', 'a.example'], ['http', ':80', 'b.example']],
  ['an http rule for one host and one for all', ['http', ':80', 'a.example'], ['http', ':80']],
  ['tcp rules on two addresses', ['tcp', '10.0.0.1:80'], ['tcp', '10.0.0.2:80']],
  ['a tcp and an http rule on two addresses', ['tcp', '10.0.0.1:80'], ['http', '10.0.0.2:80']],
  ['tcp rules on two ports', ['tcp', ':80'], ['tcp', ':443']],
];

for (const [about, ...rules] of sharing) {
  test(`[ING-3] ${about} do not collide`, (t) => {
    const { device, errors } = findingsOf(...rules);
    t.deepEqual(errors, []);
    t.is(device.ingress.length, rules.length);
  });
}

const colliding: readonly (readonly [about: string, ...rules: Short[]])[] = [
  ['tcp rules on one port', ['tcp', ':80'], ['tcp', ':80']],
  ['a tcp rule on every address and one on one', ['tcp', '0.0.0.0:80'], ['tcp', '10.0.0.1:80']],
  ['a tcp rule on one address and one on every', ['tcp', '10.0.0.1:80'], ['tcp', '[::]:80']],
  ['IPv4 and IPv6 rules on every address', ['tcp', '0.0.0.0:80'], ['tcp', '[::]:80']],
  ['an http and a tcp rule', ['http', ':80/api'], ['tcp', ':80']],
  ['a tcp and an http rule', ['tcp', ':80'], ['http', ':80/api']],
  ['http rules with one host and path', ['http', ':80/api'], ['http', ':80/api/']],
  ['http rules with one host in two spellings', ['http', ':80', 'A.example'], ['http', ':80', 'a.example']],
  ['http rules of one path on overlapping addresses', ['http', ':80/a'], ['http', '10.0.0.1:80/a']],
  ['an IPv6 address in two spellings', ['tcp', '[fd00::1]:80'], ['tcp', '[fd00:0::0:1]:80']],
];

for (const [about, ...rules] of colliding) {
  test(`[ING-3] ${about} collide, and both are named`, (t) => {
    const { errors } = findingsOf(...rules);
    t.is(errors.length, 1);
    t.like(errors[0], { code: 'IngressCollision', pointer: '/device.json/ingress/1/external' });
    t.regex(errors[0]?.message ?? '', /'rule-0' \(\/device\.json\/ingress\/0\) and 'rule-1'/);
  });
}

test('[ING-3] each of many rules on one port is told once', (t) => {
  const many = Array.from({ length: 4_096 }, (): Short => ['http', ':80/api']);
  t.is(findingsOf(...many).errors.length, 4_095);
  const apart = Array.from({ length: 4_096 }, (_, index): Short => ['http', `:80/p${index}`]);
  t.is(findingsOf(...apart).errors.length, 0);
});

test('[ING-1] a name that two rules have is refused, and the first rule is read', (t) => {
  const rule = { name: 'web', type: 'tcp', external: ':80', provider: 'web', service: 'site' };
  const { device, findings } = readDevice({ ingress: [rule, { ...rule, external: ':81' }] });
  t.deepEqual(
    findings.filter(({ severity }) => severity === 'error').map(({ code, pointer }) => [code, pointer]),
    [['IngressDuplicate', '/device.json/ingress/1/name']],
  );
  t.is(device.ingress.length, 1);
});

test('[ING-2] a host is a name or a wildcard of one, and of http alone', (t) => {
  for (const host of ['a.example', '*.example', 'A.Example']) {
    t.deepEqual(findingsOf(['http', ':80', host]).errors, [], host);
  }
  for (const host of ['', '*', 'a b', '*.', '.example', 'a..b', '-a.example', '**.example', 'a.*']) {
    t.is(findingsOf(['http', ':80', host]).errors[0]?.code, 'IngressHostInvalid', host);
  }
  t.is(findingsOf(['tcp', ':80', 'a.example']).errors[0]?.code, 'IngressHostInvalid');
});
