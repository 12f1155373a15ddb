import test from 'ava';
import { exitReport } from '../../../adapters/lxc/exit-report.ts';
import { hostsFile } from '../../../adapters/lxc/hosts-file.ts';
import { isLayerPath, layoutOf } from '../../../adapters/lxc/layout.ts';
import { commandSocket } from '../../../adapters/lxc/monitors.ts';
import { lease } from '../../contract/fixtures.ts';

const preamble = '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n';

test('[CTR-5] a hosts file has the names of its pools by address, and of no other pool', (t) => {
  const leases = [
    lease(1, 'b', 10),
    lease(1, 'a', 9, ['a', 'app-1', 'a']),
    lease(2, 'c', 2),
    lease(3, 'd', 2),
  ];
  const expected = `${preamble}10.66.1.9\ta app-1\n10.66.1.10\tb\n10.66.2.2\tc\n`;
  t.is(hostsFile(new Set(['pool-1', 'pool-2']), leases), expected);
  t.is(hostsFile(new Set(['pool-1', 'pool-2']), leases.toReversed()), expected);
  t.is(hostsFile(new Set(), leases), preamble);
});

test('[REV-8] a name that is no word, and a lease without address, make no line of a hosts file', (t) => {
  const names = ['x\n6.6.6.6 bank', 'two words', '#', '', '-a', 'ok_1'];
  t.is(hostsFile(new Set(['pool-1']), [lease(1, 'a', 9, names)]), `${preamble}10.66.1.9\tok_1\n`);
  t.is(hostsFile(new Set(['pool-1']), [{ ...lease(1, 'a', 9), address: null }]), preamble);
});

const logs: readonly (readonly [log: string, report: string | null])[] = [
  [
    'lxc-start a INFO error - Child <22> ended on signal Killed(9)\nlxc-start a INFO network - Removed\n',
    'its init was ended by signal 9 (Killed)',
  ],
  ['Child <22> ended on signal Killed(9)\nChild <23> ended on error (3)\n', 'its init exited with status 3'],
  ['Started "/sbin/init" with pid "22"\n', null],
  ['', null],
];
for (const [log, report] of logs) {
  test(`how a container ended is told from its log: ${JSON.stringify(log)}`, (t) => {
    t.is(exitReport(log), report);
  });
}

test('[CTR-9] the command socket is spelled out up to 105 bytes and hashed from there on', (t) => {
  const [short, long] = [`/${'x'.repeat(94)}`, `/${'x'.repeat(95)}`];
  t.is(commandSocket(short, 'a'), `\0${short}/a/command`);
  t.regex(commandSocket(long, 'a'), /^\0lxc\/[0-9a-f]{16}\/command$/);
  t.not(commandSocket(long, 'a'), commandSocket(long, 'b'));
});

const paths: readonly (readonly [path: string, usable: boolean])[] = [
  ['/var/lib/holdfast', true],
  ['/with space', true],
  ['relative', false],
  ['/a/../b', false],
  ['/a:b', false],
  ['/a,b', false],
  ['/a"b', false],
  ['/a\nb', false],
  ['/a\\b', false],
];
for (const [path, usable] of paths) {
  test(`[REV-8] ${JSON.stringify(path)} is ${usable ? '' : 'not '}usable as a layer`, (t) => {
    t.is(isLayerPath(path), usable);
    if (!usable) t.throws(() => layoutOf(path), { instanceOf: RangeError });
  });
}

for (const name of ['', '.', '..', 'a/b', '-n', '.hidden', 'a\n', 'x'.repeat(65)]) {
  test(`[REV-8] ${JSON.stringify(name)} becomes no directory of a container`, (t) => {
    t.throws(() => layoutOf('/root').container(name), { instanceOf: RangeError });
  });
}
