import test from 'ava';
import { parseLxcConfig } from '../../state/lxc-config.ts';

const pointer = '/web~1lxc.container.conf';

/** What is said of one line, and what of it goes into the configuration. */
function verdictOn(line: string) {
  const { lines, findings } = parseLxcConfig(line, pointer);
  return [
    findings.map((one) => one.code).join(' '),
    lines.map(({ key, value }) => `${key} = ${value}`).join('\n'),
  ];
}

const throughLines = [
  'lxc.init.cmd = /bin/sh -c "echo hi"',
  'lxc.init.cwd = /srv',
  'lxc.init.uid = 1000',
  'lxc.environment = PATH=/bin:/usr/bin',
  'lxc.signal.halt = SIGRTMIN+3',
  'lxc.tty.max = 8',
  'lxc.pty.max = 1024',
  'lxc.autodev = 0',
  'lxc.cap.drop = sys_module mac_admin',
  'lxc.cap.keep = net_admin net_raw',
  'lxc.no_new_privs = 1',
  'lxc.idmap = u 0 100000 65536',
  'lxc.prlimit.nofile = 1024:4096',
  'lxc.sysctl.net.ipv4.ip_forward = 1',
  'lxc.sysctl.kernel.shmmax = 65536',
  'lxc.proc.oom_score_adj = 100',
  'lxc.namespace.keep = user ipc net',
  'lxc.mount.auto = proc sys:ro cgroup:mixed',
  'lxc.mount.entry = tmpfs run tmpfs rw,nodev,relatime,mode=755 0 0',
  'lxc.mount.entry = shm dev/shm tmpfs size=64m',
  'lxc.cgroup.devices.deny = a',
  'lxc.cgroup.devices.allow = c *:* m',
  'lxc.cgroup2.devices.allow = c 1:3 rwm',
  'lxc.cgroup2.devices.allow = c 226:* rw',
  'lxc.cgroup.memory.limit_in_bytes = 64M',
  'lxc.cgroup2.cpu.max = 50000 100000',
  'lxc.net.0.type = veth',
  'lxc.net.0.link = lxcbr0',
  'lxc.net.0.hwaddr = 00:16:3e:xx:xx:xx',
  'lxc.net.0.ipv4.address = 10.0.3.2/24',
  'lxc.net.0.ipv4.gateway = auto',
  'lxc.net.0.ipv6.address = fd00::2/64',
  'lxc.uts.name = web',
  'lxc.console.path = none',
  'lxc.log.level = INFO',
  'lxc.arch = aarch64',
];

for (const line of throughLines) {
  test(`[CTR-3] let through: ${line}`, (t) => {
    t.deepEqual(verdictOn(line), ['', line]);
  });
}

const confinedLines: readonly (readonly [line: string, becomes: string])[] = [
  ['lxc.mount.auto = proc sys:rw cgroup', 'lxc.mount.auto = proc sys:mixed cgroup'],
  ['lxc.cgroup.devices.allow = a', ''],
  ['lxc.rootfs.path = overlayfs:/volumes/web/root.squashfs:/volumes/web/lxc-overlay/upper', ''],
  ['lxc.log.file = /pv/logs/web.log', ''],
  ['lxc.console.size = 1MB', ''],
  ['lxc.mount.entry = /etc/resolv.conf etc/resolv.conf none bind,rw,create=file 0 0', ''],
  ['lxc.mount.entry = /volumes/web/docker--data data none bind,rw,create=dir 0 0', ''],
  [
    'lxc.mount.entry = tmpfs run tmpfs rw,nodev,create=dir,mode=755 0 0',
    'lxc.mount.entry = tmpfs run tmpfs rw,nodev,mode=755,optional 0 0',
  ],
];

for (const [line, becomes] of confinedLines) {
  test(`[CTR-3] what templates write is confined, with a warning: ${line}`, (t) => {
    t.deepEqual(verdictOn(line), ['ConfigValueConfined', becomes]);
  });
}

const refusedLines: readonly (readonly [line: string, code: string])[] = [
  ...[
    'lxc.hook.start-host = /bin/x',
    'lxc.hook.version = 1',
    'lxc.include = /etc/lxc/default.conf',
    'lxc.rootfs.path = /',
    'lxc.rootfs.path = overlayfs:/etc:/volumes/x',
    'lxc.rootfs.options = idmap=container',
    'lxc.rootfs.mount = /',
    'lxc.mount.fstab = /etc/fstab',
    'lxc.net.0.script.up = /bin/x',
    'lxc.net.12.script.down = /bin/x',
    'lxc.net.0.veth.ipv4.route = 0.0.0.0/0',
    'lxc.net.0.l2proxy = 1',
    'lxc.apparmor.profile = unconfined',
    'lxc.apparmor.allow_nesting = 1',
    'lxc.selinux.context = x',
    'lxc.seccomp.profile = /dev/null',
    'lxc.namespace.clone = mnt',
    'lxc.namespace.share.net = 1',
    'lxc.cgroup.dir = /',
    'lxc.cgroup.relative = 1',
    'lxc.cgroup2.cgroup.procs = 1',
    'lxc.console.logfile = /etc/passwd',
    'lxc.log.file = /etc/passwd',
    'lxc.log.file = /pv/logs/../../etc/passwd',
    'lxc.log.syslog = daemon',
    'lxc.start.auto = 1',
    'lxc.group = onboot',
    'lxc.ephemeral = 1',
    'lxc.execute.cmd = /bin/x',
    'lxc.monitor.unshare = 1',
    'lxc.sysctl.kernel.core_pattern = |/bin/x',
    'lxc.proc.attr/exec = x',
  ].map((line) => [line, 'ConfigKeyRefused'] as const),
  ...[
    'lxc.mount.entry = /dev dev none bind,rw,create=dir 0 0',
    'lxc.mount.entry = / host none rbind 0 0',
    'lxc.mount.entry = tmpfs ../run tmpfs rw 0 0',
    'lxc.mount.entry = tmpfs /run tmpfs rw 0 0',
    'lxc.mount.entry = tmpfs proc tmpfs rw 0 0',
    'lxc.mount.entry = proc x proc rw 0 0',
    'lxc.mount.entry = overlay x overlay lowerdir=/etc 0 0',
    'lxc.mount.entry = /dev/sda1 x ext4 rw 0 0',
    'lxc.mount.entry = tmpfs a\\040b tmpfs rw 0 0',
    'lxc.mount.entry = tmpfs run tmpfs bind 0 0',
    'lxc.mount.entry = /volumes',
    'lxc.mount.auto = proc:rw',
    'lxc.mount.auto = cgroup-full:rw',
    'lxc.mount.auto = sys:rw proc:rw',
    'lxc.cgroup.devices.allow = b *:* rwm',
    'lxc.cgroup.devices.allow = c 1:1 r',
    'lxc.cgroup.devices.allow = c 1:* rwm',
    'lxc.cgroup.devices.allow = c *:* rwm',
    'lxc.cgroup.devices.allow = c 4:1 rw',
    'lxc.cgroup2.devices.allow = c 10:237 rwm',
    'lxc.namespace.keep = mnt',
    'lxc.namespace.keep = user uts',
    'lxc.cap.keep = sys_module',
    'lxc.cap.drop =',
    'lxc.environment = HOME',
    'lxc.net.0.link = ../x',
    'lxc.net.0.veth.mode = router',
    'lxc.uts.name = a b',
    'lxc.mount.entry = ""',
  ].map((line) => [line, 'ConfigValueRefused'] as const),
  ...[
    'lxc.utsname = web',
    'lxc.net = x',
    'lxc.environmentx = A=b',
    'foo = bar',
    'lxc.cgroup2 .memory.max = 1',
  ].map((line) => [line, 'ConfigKeyUnknown'] as const),
  ...['lxc.init.cmd', '= x', 'lxc.init.cmd = a\u0000b', 'lxc.init.cmd = a\u001bb'].map(
    (line) => [line, 'ConfigLineInvalid'] as const,
  ),
  [`lxc.environment = A=${'x'.repeat(5000)}`, 'ConfigTooLong'],
];

for (const [line, code] of refusedLines) {
  test(`[CTR-3] refused: ${JSON.stringify(line).slice(0, 80)}`, (t) => {
    t.deepEqual(verdictOn(line), [code, '']);
  });
}

test('[CTR-3] comments and empty lines say nothing, and lines keep their numbers and their order', (t) => {
  const text = '# a comment\r\n\r\n  lxc.tty.max=4  \r\nlxc.pty.max\t=\t8\nlxc.hook.stop = x';
  const { lines, findings } = parseLxcConfig(text, pointer);
  t.deepEqual(lines, [
    { key: 'lxc.tty.max', value: '4', line: 3 },
    { key: 'lxc.pty.max', value: '8', line: 4 },
  ]);
  t.is(findings.length, 1);
  t.is(findings[0]?.pointer, pointer);
  t.regex(findings[0]?.message ?? '', /line 5 of web\/lxc\.container\.conf/);
});

test('[CTR-3] quotes around a value are taken away, however many', (t) => {
  t.deepEqual(verdictOn('lxc.uts.name = "web"'), ['', 'lxc.uts.name = web']);
  t.deepEqual(verdictOn(`lxc.uts.name = '"web"'`), ['', 'lxc.uts.name = web']);
  t.deepEqual(verdictOn(`lxc.environment = A="b"`), ['', 'lxc.environment = A="b"']);
});

test('[REV-8] a configuration is limited in lines and characters', (t) => {
  const codes = (text: string) => parseLxcConfig(text, pointer).findings.map((one) => one.code);
  t.deepEqual(codes('#\n'.repeat(1023)), []);
  t.deepEqual(codes('#\n'.repeat(1024)), ['ConfigTooLong']);
  t.deepEqual(codes(`#${'x'.repeat(65_536)}`), ['ConfigTooLong']);
});

test("[CTR-3] the configuration that Pantavisor's template writes is taken, with warnings alone", (t) => {
  const text = `
lxc.tty.max = 8
lxc.pty.max = 1024
lxc.cgroup.devices.allow = a
lxc.rootfs.path = overlayfs:/volumes/web/root.squashfs:/volumes/web/lxc-overlay/upper
lxc.init.cmd = /sbin/init
lxc.environment = PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
lxc.namespace.keep = user net ipc
lxc.console.path = none
lxc.mount.auto = proc sys:rw cgroup
lxc.mount.entry = /etc/resolv.conf etc/resolv.conf none bind,rw,create=file 0 0
lxc.mount.entry = tmpfs run tmpfs rw,nodev,relatime,create=dir,mode=755 0 0
lxc.mount.entry = /volumes/web/docker--var-lib var/lib none bind,rw,create=dir 0 0
`;
  const { lines, findings } = parseLxcConfig(text, pointer);
  t.deepEqual([...new Set(findings.map((one) => one.severity))], ['warning']);
  t.deepEqual(
    lines.map(({ key, value }) => `${key} = ${value}`),
    [
      'lxc.tty.max = 8',
      'lxc.pty.max = 1024',
      'lxc.init.cmd = /sbin/init',
      'lxc.environment = PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'lxc.namespace.keep = user net ipc',
      'lxc.console.path = none',
      'lxc.mount.auto = proc sys:mixed cgroup',
      'lxc.mount.entry = tmpfs run tmpfs rw,nodev,relatime,mode=755,optional 0 0',
    ],
  );
});
