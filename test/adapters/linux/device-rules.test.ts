import test from 'ava';
import { grantsDevice, useGiven } from '../../../adapters/linux/device-rules.ts';
import type { LxcConfigItem } from '../../../state/resource.ts';

const fuse = { major: 10, minor: 229 };

/** `allow = c 10:229 rwm` of version 1, `2.allow = …` of version 2. */
function items(...rules: readonly string[]): readonly LxcConfigItem[] {
  return rules.map((rule) => {
    const [key = '', value = ''] = rule.split(' = ');
    const [name, controller] = key.startsWith('2.') ? [key.slice(2), 'cgroup2'] : [key, 'cgroup'];
    return { key: `lxc.${controller}.devices.${name}`, value };
  });
}

const grants: readonly (readonly [readonly string[], boolean])[] = [
  [[], false],
  [['allow = c 10:229 rwm'], true],
  [['allow = c 10:229 rw'], true],
  [['allow = c 10:229'], true],
  [['2.allow = c 10:229 rwm'], true],
  [['allow = c 10:* rw'], true],
  [['allow = c *:* rw'], true],
  [['allow = a'], true],
  [['allow = c 10:229 r', 'allow = c 10:229 w'], true],
  [['allow = c 10:229 r'], false],
  [['allow = c 10:229 r', '2.allow = c 10:229 w'], false],
  [['allow = c *:* m'], false],
  [['allow = b 10:229 rwm'], false],
  [['allow = c 10:22 rwm'], false],
  [['allow = c 1:229 rwm'], false],
  [['allow = c 10:229 rwm', 'deny = a'], false],
  [['allow = c 10:229 rwm', 'deny = a *:* rwm'], false],
  [['allow = c 10:229 rwm', '2.deny = a'], true],
  [['deny = a', 'allow = c 10:229 rwm'], true],
  [['allow = c 10:* rwm', 'deny = c 10:229 w'], false],
  [['allow = something else'], false],
];

for (const [rules, expected] of grants) {
  test(`[LINK-7] with ${rules.join(', ') || 'no rules'} a provider may ${expected ? '' : 'not '}pass on 10:229`, (t) => {
    t.is(grantsDevice(items(...rules), fuse), expected);
  });
}

test('[LINK-7] other keys of a configuration give nothing', (t) => {
  t.false(grantsDevice([{ key: 'lxc.mount.entry', value: 'c 10:229 rwm' }], fuse));
});

test('[LINK-7] what is given is told by version, reading and writing apart', (t) => {
  const rules = items('allow = c 10:229 r', '2.allow = c 10:229 rwm');
  t.deepEqual(useGiven(rules, 'v1', fuse), { read: true, write: false });
  t.deepEqual(useGiven(rules, 'v2', fuse), { read: true, write: true });
});
