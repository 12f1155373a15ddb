import { judgeDeviceAllow, judgeDeviceDeny } from './lxc-devices.ts';
import { judgeAutoMount, judgeConsole, judgeLogFile, judgeMountEntry, judgeRootPath } from './lxc-mounts.ts';
import { type Judge, matching, refused, satisfying, type Verdict, wordsOf } from './lxc-verdict.ts';
import { isHostname, isInterfaceName } from './names.ts';

/** Capabilities with which root in a container is root of the host, as LXC's own common.conf drops them. */
const hostCapabilities: ReadonlySet<string> = new Set([
  'mac_admin',
  'mac_override',
  'sys_boot',
  'sys_module',
  'sys_rawio',
  'sys_time',
]);

const confinement = refused('what confines a container is for the host to say');
const program = refused('it runs a program on the host');
const hostFile = refused('it reads a file of the host');
const hostNetwork = refused("it changes the host's routes or neighbours");
const ours = refused('it is for Holdfast to say');

const flag = matching(/^[01]$/, '0 or 1');
const count = matching(/^\d{1,6}$/, 'a number of at most six digits');
const signal = matching(
  /^(\d{1,2}|SIG[A-Z0-9]{2,8}([+-]\d{1,2})?)$/,
  'a signal such as SIGPWR, SIGRTMIN+3 or 9',
);
const interfaceName = satisfying(isInterfaceName, 'an interface name of 1-15 bytes');
const route4 = matching(
  /^\d{1,3}(\.\d{1,3}){3}(\/\d{1,2})?( \d{1,3}(\.\d{1,3}){3})?$/,
  'an IPv4 address with its prefix, such as 10.0.3.5/24',
);
const address6 = matching(/^[0-9A-Fa-f:.]{2,45}(\/\d{1,3})?$/, 'an IPv6 address with its prefix');
const gateway = matching(/^(auto|dev|[0-9A-Fa-f:.]{2,45})$/, 'an address, "auto" or "dev"');
const limit = matching(
  /^[A-Za-z0-9_.,:=*/ -]{1,256}$/,
  'at most 256 letters, digits and punctuation as limits have them',
);

/**
 * Which keys of lxc.container.conf(5) a revision may set, and to what: the first pattern that matches a key judges its
 * value. What no pattern matches is unknown. Nothing that runs code on the host, reaches its files, its network or its
 * devices, or loosens what confines a container is let through.
 */
const rules: readonly (readonly [key: RegExp, judge: Judge])[] = [
  [/^lxc\.init\.cmd$/, matching(/^\S/, 'a command')],
  [/^lxc\.init\.cwd$/, matching(/^\//, 'an absolute path in the container')],
  [/^lxc\.init\.(uid|gid)$/, matching(/^\d{1,10}$/, 'a numeric id')],
  [
    /^lxc\.environment$/,
    matching(/^[A-Za-z_][A-Za-z0-9_.]*=/, "NAME=value; without a value it would be the host's"),
  ],
  [/^lxc\.uts\.name$/, satisfying(isHostname, 'a host name of at most 63 characters (RFC 1123)')],
  [/^lxc\.arch$/, matching(/^[a-z0-9_]{1,16}$/, 'an architecture such as x86_64')],
  [/^lxc\.signal\.(halt|reboot|stop)$/, signal],
  [/^lxc\.(tty|pty)\.max$/, count],
  [/^lxc\.tty\.dir$/, matching(/^[A-Za-z0-9_]{1,32}$/, 'the name of a directory below /dev')],
  [/^lxc\.autodev$/, flag],
  [/^lxc\.autodev\.tmpfs\.size$/, matching(/^\d{1,12}$/, 'a number of bytes')],
  [/^lxc\.cap\.drop$/, matching(/^[a-z_]+(\s+[a-z_]+)*$/, 'names of capabilities in lower case')],
  [
    /^lxc\.cap\.keep$/,
    satisfying(keepsNoHostCapability, `capabilities other than ${[...hostCapabilities].join(', ')}`),
  ],
  [/^lxc\.no_new_privs$/, flag],
  [/^lxc\.keyring\.session$/, flag],
  [/^lxc\.sched\.core$/, flag],
  [/^lxc\.time\.offset\.(boot|monotonic)$/, matching(/^-?\d{1,15}(h|m|s|ms|us|ns)?$/, 'a time such as 10s')],
  [/^lxc\.idmap$/, matching(/^[ugb] \d{1,10} \d{1,10} \d{1,10}$/, 'a mapping such as "u 0 100000 65536"')],
  [
    /^lxc\.prlimit\.(as|core|cpu|data|fsize|locks|memlock|msgqueue|nice|nofile|nproc|rss|rtprio|rttime|sigpending|stack)$/,
    matching(
      /^(\d{1,19}|unlimited)(:(\d{1,19}|unlimited))?$/,
      'a limit, or a soft and a hard one parted by ":"',
    ),
  ],
  [/^lxc\.sysctl\.(net\.[a-z0-9_.-]+|kernel\.(msg|shm)[a-z0-9_]*|kernel\.sem|fs\.mqueue\.[a-z_]+)$/, limit],
  [
    /^lxc\.sysctl\./,
    refused('only net.*, kernel.msg*, kernel.shm*, kernel.sem and fs.mqueue.* belong to a container'),
  ],
  [/^lxc\.proc\.oom_score_adj$/, matching(/^-?\d{1,4}$/, 'a number from -1000 to 1000')],
  [/^lxc\.proc\./, refused('only oom_score_adj can be set')],
  [
    /^lxc\.namespace\.keep$/,
    wordsOf(
      new Set(['user', 'net', 'ipc']),
      '"user", "net" and "ipc" only: others would show the host to the container',
    ),
  ],
  [/^lxc\.namespace\.clone$/, refused('every namespace that it does not name would be shared with the host')],
  [/^lxc\.namespace\.share\./, refused("it enters another process's namespace")],
  [/^lxc\.mount\.auto$/, judgeAutoMount],
  [/^lxc\.mount\.entry$/, judgeMountEntry],
  [/^lxc\.mount(\.fstab)?$/, hostFile],
  [/^lxc\.cgroup2?\.devices\.allow$/, judgeDeviceAllow],
  [/^lxc\.cgroup2?\.devices\.deny$/, judgeDeviceDeny],
  [
    /^lxc\.cgroup2?\.(memory|cpu|cpuset|pids|blkio|io|hugetlb|rdma|misc|net_cls|net_prio)(\.[a-zA-Z0-9_]+)+$/,
    limit,
  ],
  [
    /^lxc\.cgroup2?(\.|$)/,
    refused('only limits of known controllers can be set; where the group is, is for Holdfast to say'),
  ],
  [/^lxc\.rootfs\.path$/, judgeRootPath],
  [/^lxc\.rootfs(\.|$)/, refused('the root is made of `root-volume` and `storage` in run.json')],
  [/^lxc\.log\.file$/, judgeLogFile],
  [/^lxc\.log\.level$/, matching(/^([0-8]|[A-Za-z]{4,6})$/, 'a level such as INFO')],
  [/^lxc\.log\./, ours],
  [/^lxc\.console\.path$/, matching(/^none$/, '"none"')],
  [/^lxc\.console\.(size|rotate|buffer\.size)$/, judgeConsole],
  [/^lxc\.console\./, refused('it writes a file of the host; Holdfast keeps the log of the console')],
  [
    /^lxc\.net\.\d{1,2}\.type$/,
    matching(/^(none|empty|veth|vlan|macvlan|ipvlan|phys)$/, 'a type of interface'),
  ],
  [/^lxc\.net\.\d{1,2}\.(link|name|veth\.pair)$/, interfaceName],
  [/^lxc\.net\.\d{1,2}\.flags$/, matching(/^up$/, '"up"')],
  [/^lxc\.net\.\d{1,2}\.hwaddr$/, matching(/^([0-9A-Fa-fx]{2}:){5}[0-9A-Fa-fx]{2}$/, 'a MAC address')],
  [/^lxc\.net\.\d{1,2}\.mtu$/, count],
  [/^lxc\.net\.\d{1,2}\.ipv4\.address$/, route4],
  [/^lxc\.net\.\d{1,2}\.ipv6\.address$/, address6],
  [/^lxc\.net\.\d{1,2}\.ipv[46]\.gateway$/, gateway],
  [
    /^lxc\.net\.\d{1,2}\.(vlan\.id|veth\.vlan\.id|veth\.vlan\.tagged\.id)$/,
    matching(/^\d{1,4}$/, 'a VLAN number'),
  ],
  [
    /^lxc\.net\.\d{1,2}\.(macvlan\.mode|ipvlan\.mode|ipvlan\.isolation)$/,
    matching(/^[a-z0-9]{2,8}$/, 'a mode'),
  ],
  [
    /^lxc\.net\.\d{1,2}\.veth\.mode$/,
    matching(/^bridge$/, '"bridge"; "router" would add routes to the host'),
  ],
  [/^lxc\.net\.\d{1,2}\.(veth\.ipv[46]\.route|l2proxy)$/, hostNetwork],
  [/^lxc\.net\.\d{1,2}\.script\./, program],
  [/^lxc\.hook\./, program],
  [/^lxc\.include$/, hostFile],
  [/^lxc\.(apparmor|selinux|seccomp)\./, confinement],
  [/^lxc\.(start|monitor)\.|^lxc\.(group|ephemeral|execute\.cmd)$/, ours],
];

/** What becomes of `key = value`; null: no such key is known. */
export function judgeConfigLine(key: string, value: string): Verdict | null {
  const rule = rules.find(([pattern]) => pattern.test(key));
  if (rule === undefined) return null;
  const verdict = rule[1](value);
  if (value !== '' || verdict.type === 'key-refused') return verdict;
  return { type: 'value-refused', expected: 'a value: an empty one would also undo what Holdfast sets' };
}

/** Keys that stand in hints: those that are let through and have one spelling. */
export const commonConfigKeys: readonly string[] = [
  'lxc.init.cmd',
  'lxc.init.cwd',
  'lxc.init.uid',
  'lxc.init.gid',
  'lxc.environment',
  'lxc.uts.name',
  'lxc.arch',
  'lxc.signal.halt',
  'lxc.signal.reboot',
  'lxc.signal.stop',
  'lxc.tty.max',
  'lxc.pty.max',
  'lxc.autodev',
  'lxc.cap.drop',
  'lxc.cap.keep',
  'lxc.no_new_privs',
  'lxc.idmap',
  'lxc.namespace.keep',
  'lxc.mount.auto',
  'lxc.mount.entry',
  'lxc.cgroup.devices.allow',
  'lxc.cgroup2.devices.allow',
  'lxc.cgroup.memory.limit_in_bytes',
  'lxc.cgroup2.memory.max',
];

function keepsNoHostCapability(value: string): boolean {
  return value.split(/\s+/).every((name) => /^[a-z_]+$/.test(name) && !hostCapabilities.has(name));
}

/** The address in a line `lxc.net.[i].ipv4.address`, without prefix and broadcast; null for any other line. */
export function bakedAddress(key: string, value: string): string | null {
  if (!/^lxc\.net\.\d{1,2}\.ipv4\.address$/.test(key)) return null;
  return value.split(/[/ ]/, 1)[0] ?? null;
}
