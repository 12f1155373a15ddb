/** How `holdfast run` was started; every field is already checked. */
export interface RunOptions {
  /** `auto`: lxc where this process is root and LXC is installed, else memory. */
  readonly adapter: 'auto' | 'lxc' | 'docker' | 'memory';
  /** Absolute path of the directory under which everything is kept. */
  readonly root: string;
  /** Absolute path of the control socket. */
  readonly socket: string;
  /** What carries ingress that the kernel can't; `auto`: HAProxy where it is installed, else the process that comes with Holdfast. */
  readonly proxy: 'auto' | 'haproxy' | 'builtin';
  /** The model of a host listens for real, and answers for every service that is declared; with the memory adapter alone. */
  readonly serve: boolean;
  /** Absolute path of a directory that is watched and applied whenever it changes. */
  readonly source?: string;
  /** Absolute path of a file to which every input of the engine is recorded (REPLAY-1). */
  readonly record?: string;
  /** The commit window of revisions that bring none of their own, seconds (ROLL-2); absent: as the engine is made. */
  readonly commitAfterSeconds?: number;
  /** Words of the command that boots the device for a system transition (ROLL-8); absent: containers restart alone. */
  readonly rebootCommand?: readonly string[];
  /** A level that pino knows: `trace`, `debug`, `info`, `warn`, `error`, `fatal`, `silent`. */
  readonly logLevel?: string;
}

/** Which host a plan without a controller is made against. */
export type DirectPlanOptions = Pick<RunOptions, 'adapter' | 'root'>;

/** Names that `--adapter` takes, the default first. */
export const adapterNames: readonly RunOptions['adapter'][] = ['auto', 'lxc', 'docker', 'memory'];

/** Names that `--proxy` takes, the default first. */
export const proxyNames: readonly RunOptions['proxy'][] = ['auto', 'haproxy', 'builtin'];

/** Names that `--log-level` takes, from most to least said. */
export const logLevels: readonly string[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** Where `run` keeps everything unless `--root` says otherwise: state that survives a reboot (FHS 5.8). */
export const defaultRoot = '/var/lib/holdfast';

/**
 * How long `apply`, `patch`, `rollback` and `down` wait for the end of a revision; 0 does not wait. A usual trial ends long before: a few
 * groups that each need their 30 s (CTR-6), the commit window of 10 s, and if it fails, the way back, which takes as long again.
 */
export const defaultWaitSeconds = 300;

/** The longest commit window that is taken (ROLL-2): a day. */
export const maxCommitAfterSeconds = 86_400;

/** The longest message that is kept with a revision, in UTF-16 code units: a commit message, not a document. */
export const maxMessageLength = 4_096;

/** The longest time that may be waited for: a week. The longest timer of Node is 24 days. */
export const maxWaitSeconds = 604_800;

/** A control socket that does not answer a connection attempt within this time is taken for a living one. */
export const socketProbeTimeoutMs = 1_000;

/**
 * What a follower of a stream may have unread before it is cut off, in bytes: enough for every resource of a large
 * revision to change at once, and a bound on the memory that a reader which has stopped costs the controller.
 */
export const maxUnreadStreamBytes = 16 * 1024 * 1024;

/** How long a closing control socket lets answers under way finish before their connections are cut. */
export const apiCloseGraceMs = 500;

/** The longest delay that a timer of Node takes (2^31 - 1): 24 days, which is past any use of it here. */
export const longestTimerMs = 2_147_483_647;

/** Events that the controller keeps in memory for `events` and `describe`; older ones are forgotten first. */
export const keptEvents = 2_000;

/** How long the control socket waits at the start for the first full observation, milliseconds. */
export const firstLookMs = 1_000;

/** The size at which a recording ends: it must not take the disk from the device that it watches. */
export const recordingLimitBytes = 256 * 1024 * 1024;

/** How much of a recording may wait in memory for a slow disk before recording ends. */
export const unwrittenRecordingBytes = 16 * 1024 * 1024;

/** The longest line of a recording that is read: several times the largest revision (REV-8) with its texts. */
export const longestRecordingLineBytes = 128 * 1024 * 1024;

/** What of the controller's log may be unread by whoever reads its standard output, in bytes. */
export const unreadLogBytes = 1024 * 1024;

/**
 * How long an object is kept that no revision names yet, or that somebody was told needs no upload: bringing the objects of a revision
 * over a slow link takes minutes.
 */
export const freshObjectMs = 10 * 60 * 1000;
