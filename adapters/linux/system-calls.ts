/**
 * System calls that Node has no function for, through koffi: no compiler, no child process, some microseconds each. All are synchronous, and
 * act on the calling thread. This file has no opinion: what may be done with them stands in the files that use them.
 */

/** A system call failed. */
export class SystemCallError extends Error {
  /** Name of the error, such as `EINVAL`. */
  readonly code: string;

  constructor(call: string, code: string) {
    super(`${call}(2) failed with ${code}`);
    this.name = 'SystemCallError';
    this.code = code;
  }
}

/** System calls can't be made here at all. */
export class SystemCallsUnavailable extends Error {
  override readonly name = 'SystemCallsUnavailable';
}

/** A descriptor that is polled; does not keep the process from ending. To be closed before the descriptor is. */
export interface Polling {
  start(): void;
  stop(): void;
  close(): void;
}

/** Named and ordered as in their manual pages; each throws SystemCallError. */
export interface SystemCalls {
  open_tree(directory: number, path: string, flags: number): number;
  move_mount(from: number, fromPath: string, to: number, toPath: string, flags: number): void;
  /** For descriptors that these calls have opened: of those Node knows nothing, and warns when it is to close one. */
  close(descriptor: number): void;
  /** The attributes are a `struct mount_attr` (four u64: set, clear, propagation, user namespace). */
  mount_setattr(directory: number, path: string, flags: number, attributes: BigUint64Array): void;
  umount2(path: string, flags: number): void;
  setns(namespace: number, type: number): void;
  unshare(flags: number): void;
  fchdir(directory: number): void;
  chroot(path: string): void;
  /** Return what was set before, whether or not they set anything (setfsuid(2), BUGS). */
  setfsuid(user: number): number;
  setfsgid(group: number): number;
  /** Returns what was set before. */
  umask(mask: number): number;
  /**
   * `unchangedId` leaves one as it is. The kernel's own calls, which change the calling thread alone; those of C libraries change every thread
   * (nptl(7)).
   */
  setresuid(real: number, effective: number, saved: number): void;
  setresgid(real: number, effective: number, saved: number): void;
  /** A `struct __user_cap_header_struct` (two u32) and two `struct __user_cap_data_struct` (three u32 each). */
  capget(header: Uint32Array, data: Uint32Array): void;
  capset(header: Uint32Array, data: Uint32Array): void;
  mount(source: string, target: string, type: string, flags: number, options: string): void;
  /** `device` as `new_encode_dev` of the kernel has it (device-nodes.ts). */
  mknodat(directory: number, path: string, mode: number, device: number): void;
  /** The attributes are a `union bpf_attr`. Some commands return a descriptor. */
  bpf(command: number, attributes: Uint8Array, length: number): number;
  /** An empty path is the link itself that the descriptor is open on (O_PATH). Returns how many bytes it has written. */
  readlinkat(directory: number, path: string, buffer: Uint8Array, length: number): number;
  pidfd_open(pid: number, flags: number): number;
  inotify_init1(flags: number): number;
  inotify_add_watch(inotify: number, path: string, mask: number): number;
  inotify_rm_watch(inotify: number, watch: number): void;
  epoll_create1(flags: number): number;
  epoll_ctl(epoll: number, operation: number, descriptor: number, event: Uint8Array): void;
  socket(family: number, type: number, protocol: number): number;
  bind(socket: number, address: Uint8Array, length: number): void;
  listen(socket: number, backlog: number): void;
  /** Of whom it takes the address is not told. */
  accept4(socket: number, address: null, length: null, flags: number): number;
  connect(socket: number, address: Uint8Array, length: number): void;
  send(socket: number, bytes: Uint8Array, count: number, flags: number): number;
  recv(socket: number, bytes: Uint8Array, count: number, flags: number): number;
  /** No system call: where the bytes are in memory, for structures that point to them. They have to outlive the call. */
  address(bytes: Uint8Array): bigint;
  /** No system call: calls `fire` in Node's own loop (uv_poll(3)) whenever a descriptor is readable. See when-readable.ts, which is to be used. */
  poll(descriptor: number, fire: () => void): Polling;
}

/** For `setresuid` and `setresgid`: -1 as the kernel has it. */
export const unchangedId = 2 ** 32 - 1;

type Koffi = typeof import('koffi');

/** Calls that C libraries have no function for, or only new ones. From 424 on the numbers are the same on all processors. */
const numbers = { open_tree: 428, move_mount: 429, pidfd_open: 434, mount_setattr: 442 } as const;

/** Those before 424 (syscalls(2)). On any other processor the call fails with ENOSYS. */
const olderNumbers = {
  mknodat: { x64: 259, arm64: 33, arm: 324, riscv64: 33 },
  setresuid: { x64: 117, arm64: 147, arm: 208, riscv64: 147 },
  setresgid: { x64: 119, arm64: 149, arm: 210, riscv64: 149 },
  bpf: { x64: 321, arm64: 280, arm: 386, riscv64: 280 },
} as const satisfies Readonly<Record<string, Readonly<Partial<Record<NodeJS.Architecture, number>>>>>;

const isOlder = (name: string): name is keyof typeof olderNumbers => name in olderNumbers;

/** No call has it: the kernel says ENOSYS. */
const noNumber = -1;

function numberOf(name: keyof typeof numbers | keyof typeof olderNumbers): number {
  if (!isOlder(name)) return numbers[name];
  const known: Readonly<Partial<Record<NodeJS.Architecture, number>>> = olderNumbers[name];
  return known[process.arch] ?? noNumber;
}

/** Binds functions of the C library that is loaded already, glibc or musl. */
function binder(koffi: Koffi) {
  const library = koffi.load(null);
  const names = new Map(Object.entries(koffi.os.errno).map(([name, number]) => [number, name]));
  const checked = (name: string, returned: unknown): number => {
    const result = Number(returned);
    if (result >= 0) return result;
    const number = koffi.errno();
    throw new SystemCallError(name, names.get(number) ?? `error ${number}`);
  };
  return {
    named: (name: string, ...types: string[]) => {
      const call = library.func(name, 'int', types);
      return (...values: unknown[]) => checked(name, call(...values));
    },
    numbered: (name: keyof typeof numbers | keyof typeof olderNumbers, ...types: string[]) => {
      const call = library.func('syscall', 'long', ['long', ...types]);
      const number = numberOf(name);
      return (...values: unknown[]) => checked(name, call(number, ...values));
    },
  };
}

function bind(koffi: Koffi): SystemCalls {
  const { named, numbered } = binder(koffi);
  const setAttributes = numbered('mount_setattr', 'int', 'str', 'uint', 'void *', 'size_t');
  return {
    open_tree: numbered('open_tree', 'int', 'str', 'uint'),
    move_mount: numbered('move_mount', 'int', 'str', 'int', 'str', 'uint'),
    mount_setattr: (directory, path, flags, attributes) =>
      setAttributes(directory, path, flags, attributes, attributes.byteLength),
    close: named('close', 'int'),
    umount2: named('umount2', 'str', 'int'),
    setns: named('setns', 'int', 'int'),
    unshare: named('unshare', 'int'),
    fchdir: named('fchdir', 'int'),
    chroot: named('chroot', 'str'),
    setfsuid: named('setfsuid', 'uint'),
    setfsgid: named('setfsgid', 'uint'),
    umask: named('umask', 'uint'),
    setresuid: numbered('setresuid', 'uint', 'uint', 'uint'),
    setresgid: numbered('setresgid', 'uint', 'uint', 'uint'),
    capget: named('capget', 'void *', 'void *'),
    capset: named('capset', 'void *', 'void *'),
    mount: named('mount', 'str', 'str', 'str', 'ulong', 'str'),
    mknodat: numbered('mknodat', 'int', 'str', 'uint', 'uint'),
    bpf: numbered('bpf', 'int', 'void *', 'uint'),
    readlinkat: named('readlinkat', 'int', 'str', 'void *', 'size_t'),
    pidfd_open: numbered('pidfd_open', 'int', 'uint'),
    inotify_init1: named('inotify_init1', 'int'),
    inotify_add_watch: named('inotify_add_watch', 'int', 'str', 'uint32_t'),
    inotify_rm_watch: named('inotify_rm_watch', 'int', 'int'),
    epoll_create1: named('epoll_create1', 'int'),
    epoll_ctl: named('epoll_ctl', 'int', 'int', 'int', 'void *'),
    socket: named('socket', 'int', 'int', 'int'),
    bind: named('bind', 'int', 'void *', 'uint'),
    listen: named('listen', 'int', 'int'),
    accept4: named('accept4', 'int', 'void *', 'void *', 'int'),
    connect: named('connect', 'int', 'void *', 'uint'),
    send: named('send', 'int', 'void *', 'size_t', 'int'),
    recv: named('recv', 'int', 'void *', 'size_t', 'int'),
    address: (bytes) => koffi.address(bytes),
    poll: (descriptor, fire) => {
      const readable = { readable: true };
      const handle = koffi.node.poll(descriptor, readable, fire);
      handle.unref();
      return {
        start: () => handle.start(readable, fire),
        stop: () => handle.stop(),
        close: () => handle.close(),
      };
    },
  };
}

/**
 * Loads koffi, which takes some 20 ms: to be called when the first thing that needs it is wanted. Rejects with SystemCallsUnavailable
 * where it is not installed, or has nothing for this machine.
 */
export async function loadSystemCalls(): Promise<SystemCalls> {
  try {
    return bind(await import('koffi'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SystemCallsUnavailable(
      `system calls can't be made on this machine (${process.platform}, ${process.arch}), since koffi did not load: ${why}; ` +
        'run npm ci without leaving out optional packages',
    );
  }
}
