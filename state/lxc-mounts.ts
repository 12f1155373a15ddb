import { type Judge, leftOut, leftOutIf, type Verdict } from './lxc-verdict.ts';

const autoMountExpected =
  '"proc", "proc:mixed", "sys", "sys:ro", "sys:mixed", "cgroup", "cgroup:ro" or "cgroup:mixed", several parted by spaces';

const autoMounts: ReadonlySet<string> = new Set([
  'proc',
  'proc:mixed',
  'sys',
  'sys:ro',
  'sys:mixed',
  'cgroup',
  'cgroup:ro',
  'cgroup:mixed',
  'cgroup:ro:force',
  'cgroup:mixed:force',
]);

/**
 * `lxc.mount.auto`. A writable /proc (`proc:rw`) or a whole control group tree (`cgroup-full`) is a way to run programs
 * on the host (core_pattern, release_agent), as a writable /sys is (uevent_helper): the first two are refused. `sys:rw`,
 * which Pantavisor's template writes, becomes `sys:mixed`.
 */
export const judgeAutoMount: Judge = (value) => {
  const confined = value.replace(/(?<!\S)sys:rw(?!\S)/g, 'sys:mixed');
  if (!confined.split(/\s+/).every((word) => autoMounts.has(word))) {
    return { type: 'value-refused', expected: autoMountExpected };
  }
  if (confined === value) return { type: 'allowed' };
  return {
    type: 'confined',
    value: confined,
    why: 'a writable /sys reaches the host, so "sys:mixed" is used',
  };
};

/** File systems that show nothing of the host. */
const ownFileSystems: ReadonlySet<string> = new Set(['tmpfs', 'mqueue', 'devpts']);

const mountOption =
  /^(rw|ro|nodev|nosuid|noexec|relatime|noatime|nodiratime|sync|dirsync|newinstance|optional|create=dir|(mode|ptmxmode)=[0-7]{3,4}|(uid|gid|nr_inodes|nr_blocks)=\d+[kKmMgG]?|size=\d+[kKmMgG%]?)$/;

const entryExpected =
  'a tmpfs, mqueue or devpts on a relative path outside /proc and /sys, with ordinary options: "tmpfs run tmpfs rw,nodev 0 0"';

const judgeOwnFileSystem: Judge = (value) => {
  const [source, target, type, options = 'defaults', dump = '0', pass = '0', ...rest] = value.split(/\s+/);
  const plain = rest.length === 0 && !value.includes('\\') && /^\d+$/.test(dump) && /^\d+$/.test(pass);
  const sound = plain && isOwn(source, type) && isInside(target ?? '') && areOrdinary(options);
  if (!sound) return { type: 'value-refused', expected: entryExpected };
  return withoutCreation([source, target, type, options, dump, pass]);
};

/** The source of such a file system means nothing; one that is no path cannot be mistaken for one. */
function isOwn(source = '', type = ''): boolean {
  return ownFileSystems.has(type) && /^[A-Za-z0-9_-]+$/.test(source);
}

function isInside(target: string): boolean {
  const segments = target.split('/');
  return (
    segments.every((segment) => !['', '.', '..'].includes(segment)) &&
    !['proc', 'sys'].includes(segments[0] ?? '')
  );
}

function areOrdinary(options: string): boolean {
  return options === 'defaults' || options.split(',').every((option) => mountOption.test(option));
}

/**
 * `create=dir` makes LXC create the target before it enters the container's root, following links of the image to
 * directories of the host. The mount is made where the image has the directory, and left out where it has not.
 */
function withoutCreation(fields: readonly (string | undefined)[]): Verdict {
  const options = fields[3]?.split(',') ?? [];
  if (!options.includes('create=dir')) return { type: 'allowed' };
  const kept = [...options.filter((option) => option !== 'create=dir' && option !== 'optional'), 'optional'];
  return {
    type: 'confined',
    value: fields.with(3, kept.join(',')).join(' '),
    why: 'no directory is created for it: it is mounted where the image has one',
  };
}

/** What Pantavisor's own template binds into every container: not reached for, and not needed to start. */
const templateBinds = /^(\/etc\/resolv\.conf|\/volumes\/\S*|\/exports\/\S*)\s/;

/** `lxc.mount.entry`: file systems that show nothing of the host. Nothing of the host is ever bound into a container. */
export const judgeMountEntry: Judge = leftOutIf(
  templateBinds,
  'files of the host are not bound into containers',
  judgeOwnFileSystem,
);

/** `lxc.rootfs.path` as Pantavisor's template writes it. The root is made of `root-volume` and `storage`. */
export const judgeRootPath: Judge = leftOutIf(
  /^overlayfs:\/volumes\//,
  'the root is made of `root-volume` and `storage`',
  () => ({ type: 'key-refused', why: 'the root is made of `root-volume` and `storage` in run.json' }),
);

/** `lxc.log.file` as Pantavisor's template writes it. */
export const judgeLogFile: Judge = leftOutIf(/^\/pv\/logs\/[^/]+$/, 'Holdfast keeps the log', () => ({
  type: 'key-refused',
  why: 'it writes a file of the host; Holdfast keeps the log',
}));

/** What concerns the console: its log is kept by Holdfast. */
export const judgeConsole: Judge = leftOut('Holdfast keeps the log of the console');
