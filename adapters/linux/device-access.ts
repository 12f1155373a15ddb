/** A character device of this host. */
export interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

/**
 * Which devices a container may open, by the device cgroup of its init (cgroup v1: devices.allow; v2: a BPF program). Nothing of it outlives the
 * container: one that is started anew has what its own configuration says.
 */
export interface DeviceAccess {
  /** Whatever runs in the container may open, read and write the device from when it resolves. Harmless where it may already. Rejects with NoContainer, or what the kernel says. */
  allow(container: { readonly name: string; readonly pid: number }, device: DeviceNumber): Promise<void>;
  /** It may not any more; what it has open stays so. Harmless where it may not, or is gone. */
  deny(container: { readonly name: string; readonly pid: number }, device: DeviceNumber): Promise<void>;
}
