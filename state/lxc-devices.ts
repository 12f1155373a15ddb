import type { Judge } from './lxc-verdict.ts';

/** The largest minor number of Linux. */
const lastMinor = 2 ** 20 - 1;

/** Character devices of one kind. Both minor numbers are included. */
interface DeviceRange {
  readonly major: number;
  readonly firstMinor: number;
  readonly lastMinor: number;
}

const range = (major: number, firstMinor = 0, last = lastMinor): DeviceRange => ({
  major,
  firstMinor,
  lastMinor: last,
});

/**
 * Character devices that a container may be given (Linux, Documentation/admin-guide/devices.txt). What is not here
 * reaches the memory, the disks or the consoles of the host. Block devices are never given.
 */
const givenDevices: readonly DeviceRange[] = [
  // null; zero; full, random and urandom. mem, kmem and port are beside them.
  range(1, 3, 3),
  range(1, 5, 5),
  range(1, 7, 9),
  // Serial ports; the virtual consoles of the host are below.
  range(4, 64, 255),
  // tty, console, ptmx.
  range(5, 0, 2),
  // tun; fuse. kvm, loop-control and the device mapper are among the others.
  range(10, 200, 200),
  range(10, 229, 229),
  // Input, frame buffer, video4linux, i2c, sound, spi.
  ...[13, 29, 81, 89, 116, 153].map((major) => range(major)),
  // Pseudo terminals.
  ...[136, 137, 138, 139, 140, 141, 142, 143].map((major) => range(major)),
  // USB modems, USB serial ports, serial ports of many boards, direct rendering.
  ...[166, 188, 204, 226].map((major) => range(major)),
];

const devicePattern = /^([abc])(?: (\*|\d{1,7}):(\*|\d{1,7}))? ?([rwm]{1,3})?$/;

const expected =
  'a character device that containers are commonly given, such as "c 188:* rwm" (USB serial ports), or a rule that only makes nodes, such as "b *:* m"';

/** `lxc.cgroup.devices.allow` and the same of cgroup2. `a`, which Pantavisor's template writes, would open every disk of the host. */
export const judgeDeviceAllow: Judge = (value) => {
  const [, type, major = '', minor = '', access = 'rwm'] = devicePattern.exec(value) ?? [];
  if (type === 'a') {
    const why = 'it would open every disk of the host; the usual devices are there without it';
    return { type: 'confined', value: null, why };
  }
  const makesNodes = (type === 'b' || type === 'c') && access === 'm' && major !== '';
  if (makesNodes || (type === 'c' && isGiven(major, minor))) return { type: 'allowed' };
  return { type: 'value-refused', expected };
};

/** `lxc.cgroup.devices.deny`: taking away is always fine. */
export const judgeDeviceDeny: Judge = (value) =>
  devicePattern.test(value)
    ? { type: 'allowed' }
    : { type: 'value-refused', expected: '"a", or a device such as "c 10:229 rwm"' };

function isGiven(major: string, minor: string): boolean {
  if (!/^\d+$/.test(major) || minor === '') return false;
  const [first, last] = minor === '*' ? [0, lastMinor] : [Number(minor), Number(minor)];
  return givenDevices.some(
    (given) => given.major === Number(major) && first >= given.firstMinor && last <= given.lastMinor,
  );
}
