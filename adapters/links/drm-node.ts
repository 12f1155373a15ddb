import type { DeviceNumber } from '../linux/device-access.ts';

/** Direct rendering (Linux, Documentation/admin-guide/devices.txt). */
const directRendering = 226;

/**
 * The path of a service says by its last name which device of direct rendering it is: the kernel numbers them as it names them, `card0` being 226:0 and
 * `renderD128` 226:128 (Linux, drivers/gpu/drm/drm_drv.c and drm_sysfs.c). The name is the revision's, the node its provider's. Pure.
 */
export function isDrmNodeOf(path: string, { major, minor }: DeviceNumber): boolean {
  const number = /\/(?:card|renderD)(0|[1-9]\d*)$/.exec(path)?.[1];
  return major === directRendering && number !== undefined && Number(number) === minor;
}
