import test from 'ava';
import { complaintsIn, exitInLog } from '../../../adapters/lxc/exit-report.ts';
import { hostsFile } from '../../../adapters/lxc/hosts-file.ts';
import { isLayerPath, layoutOf } from '../../../adapters/lxc/layout.ts';
import { commandSocket } from '../../../adapters/lxc/monitors.ts';
import type { ContainerExit } from '../../../state/resource.ts';
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

const started =
  'lxc-start a 20261122052837.640 NOTICE   start - ../src/lxc/start.c:post_start:2205 - Started "/sbin/init" with pid "26"';
const gone =
  'lxc-start a 20261122052929.785 DEBUG    start - ../src/lxc/start.c:signal_handler:464 - Container init process 26 exited';
const told = (what: string) =>
  `lxc-start a 20261122052929.786 INFO     error - ../src/lxc/error.c:lxc_error_set_and_log:31 - Child <26> ended on ${what}`;
const taken =
  'lxc-start a 20261122052929.790 DEBUG    network - ../src/lxc/network.c:lxc_delete_network:4173 - Deleted network devices';
const at = Date.UTC(2026, 10, 22, 5, 29, 29, 785);

const logs: readonly (readonly [what: string, log: readonly string[], exit: ContainerExit | null])[] = [
  ['status 3', [started, gone, told('error (3)'), taken], { code: 3, signal: null, at }],
  ['a signal', [started, gone, told('signal Killed(9)'), taken], { code: null, signal: 'SIGKILL', at }],
  ['a real-time signal', [started, gone, told('signal RTMIN+3(37)')], { code: null, signal: 'SIG37', at }],
  ['status 0, of which LXC says nothing', [started, gone, taken], { code: 0, signal: null, at }],
  ['a monitor that was killed before it could tell', [started, gone], null],
  ['one that runs', [started], null],
  ['one that restarted itself and runs', [started, gone, told('signal Hangup(1)'), taken, started], null],
  [
    'one that restarted itself and exited',
    [started, gone, told('signal Hangup(1)'), taken, started, gone, taken],
    { code: 0, signal: null, at },
  ],
  ['a log of nothing', [''], null],
  [
    'a program whose name looks like a line of the log',
    [started.replace('/sbin/init', `x" ${gone} ${told('error (7)')} "`)],
    null,
  ],
];
for (const [what, log, exit] of logs) {
  test(`[CTR-8] how a container ended is told from its log: ${what}`, (t) => {
    t.deepEqual(exitInLog(`${log.join('\n')}\n`, Number.POSITIVE_INFINITY), exit);
  });
}

test('[CTR-8] zeros that LXC leaves out of its time are put back, as far as the time of its log says', (t) => {
  const second = Date.parse('2026-11-22T05:29:29Z');
  const ended =
    logs
      .find(([, , exit]) => exit !== null)?.[1]
      .join('\n')
      .replaceAll(/\d{14}\.\d{3}/g, '20261122052929.543') ?? '';
  const at = (writtenBy: number) => exitInLog(`${ended}\n`, second + writtenBy)?.at;
  t.is(at(999), second + 543);
  t.is(at(533), second + 543, 'written in the tick before');
  t.is(at(500), second + 54);
  t.is(at(40), second + 5);
});

test('what LXC complained of is told without where in its source it did, and nothing else of its log is', (t) => {
  const stamp = 'lxc-start web 20261122070835.775';
  const log = [
    `${stamp} NOTICE   start - ../src/lxc/start.c:start:2194 - Exec'ing "/sbin/init"`,
    `${stamp} ERROR    start - ../src/lxc/start.c:start:2197 - No such file or directory - Failed to exec "/sbin/init"`,
    `${stamp} WARN     start - ../src/lxc/start.c:lxc_abort:1036 - No such process - no ERROR to speak of`,
    `${stamp} ERROR    lxc_start - ../src/lxc/tools/lxc_start.c:main:306 - The container failed to start`,
  ].join('\n');
  t.deepEqual(complaintsIn(`${log}\n`), [
    'No such file or directory - Failed to exec "/sbin/init"',
    'The container failed to start',
  ]);
  t.deepEqual(complaintsIn(''), []);
});

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
