import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import {
  bridgeAlias,
  instanceOf,
  isVethName,
  parseBridgeAlias,
  tableName,
  vethName,
} from '../../../adapters/linux/mark.ts';
import { isInterfaceName, isName } from '../../../state/names.ts';

test('[ENG-4] an instance is named by where its root really is', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'mark-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  symlinkSync(root, join(root, 'link'));
  t.regex(instanceOf(root), /^[0-9a-f]{8}$/);
  t.is(instanceOf(join(root, 'link')), instanceOf(root));
  t.not(instanceOf(tmpdir()), instanceOf(root));
  t.throws(() => instanceOf(join(root, 'absent')));
});

test('[ENG-4] an alias says whose bridge it is and for which pool; other aliases say nothing', (t) => {
  t.is(bridgeAlias('0123abcd', 'internal'), 'holdfast:0123abcd:pool/internal');
  t.deepEqual(parseBridgeAlias('holdfast:0123abcd:pool/a.b-c_1'), { instance: '0123abcd', pool: 'a.b-c_1' });
  for (const alias of [
    null,
    '',
    'uplink',
    'holdfast:0123abcd:pool/',
    'holdfast:0123:pool/a',
    'xholdfast:0123abcd:pool/a',
  ]) {
    t.is(parseBridgeAlias(alias), null, `${alias}`);
  }
});

test('[REV-8] names of host interfaces fit into 15 bytes and differ by instance and lease', (t) => {
  const name = vethName('0123abcd', 'lease/internal/db/eth0');
  t.is(name.length, 15);
  t.true(isInterfaceName(name));
  t.true(isVethName(name));
  t.not(vethName('0123abce', 'lease/internal/db/eth0'), name);
  t.not(vethName('0123abcd', 'lease/internal/db/eth1'), name);
  t.is(tableName('0123abcd'), 'holdfast-0123abcd');
});

const names: readonly (readonly [name: string, asInterface: boolean, asPool: boolean])[] = [
  ['br0', true, true],
  ['0.1_a-b', true, true],
  ['fifteen-bytes-x', true, true],
  ['sixteen-bytes-xy', false, true],
  ['', false, false],
  ['.', false, false],
  ['..', false, false],
  ['-x', false, false],
  ['br*', false, false],
  ['br 0', false, false],
  ['br"0', false, false],
  ['br\n0', false, false],
  ['br/0', false, false],
  ['br;0', false, false],
  ['bré', false, false],
];

for (const [name, asInterface, asPool] of names) {
  test(`[REV-8] ${JSON.stringify(name)} is ${asInterface ? 'an' : 'no'} interface name and ${asPool ? 'a' : 'no'} pool name`, (t) => {
    t.is(isInterfaceName(name), asInterface);
    t.is(isName(name), asPool);
  });
}
