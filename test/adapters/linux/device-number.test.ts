import { statSync } from 'node:fs';
import test from 'ava';
import { deviceNumberOf, deviceText, encodedDevice } from '../../../adapters/linux/device-number.ts';

test('[LINK-7] the numbers of a device are read from what stat says', (t) => {
  t.deepEqual(deviceNumberOf(statSync('/dev/null', { bigint: true }).rdev), { major: 1, minor: 3 });
  t.deepEqual(deviceNumberOf(0xe280n), { major: 226, minor: 128 });
});

for (const [device, expected] of [
  [{ major: 1, minor: 3 }, 0x103],
  [{ major: 226, minor: 128 }, 0xe280],
  [{ major: 10, minor: 256 }, 0x100a00],
  [{ major: 4095, minor: 1_048_575 }, 0xffffffff],
] as const) {
  test(`[LINK-7] ${deviceText(device)} is packed as the kernel takes it, and as stat says it`, (t) => {
    t.is(encodedDevice(device), expected);
    t.deepEqual(deviceNumberOf(BigInt(expected)), device);
  });
}
