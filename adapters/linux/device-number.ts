import type { DeviceNumber } from './device-access.ts';

/** What stat(2) says that a node is the node of, as C libraries pack it (makedev(3)): 20 bits of the major number stand on both sides of the minor one's. */
export function deviceNumberOf(rdev: bigint): DeviceNumber {
  return {
    major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)),
    minor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)),
  };
}

/** As the kernel itself packs it into 32 bits (`new_encode_dev`): 12 of the major number, 20 of the minor one. */
export function encodedDevice({ major, minor }: DeviceNumber): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}

/** `226:128` */
export function deviceText({ major, minor }: DeviceNumber): string {
  return `${major}:${minor}`;
}
