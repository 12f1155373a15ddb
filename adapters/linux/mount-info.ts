import { readFileSync } from 'node:fs';

/** One mount (proc(5), /proc/pid/mountinfo). */
export interface MountEntry {
  readonly id: number;
  /** `major:minor` of its file system. */
  readonly device: string;
  /** What of its file system is mounted: a path in it. */
  readonly root: string;
  readonly mountPoint: string;
  /** Type of its file system, such as `tmpfs`. */
  readonly type: string;
  /** Of its file system; of a cgroup hierarchy, its controllers are among them. */
  readonly options: readonly string[];
}

/** A field of such a text as it is: white space and backslashes are octal there. */
export function plain(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function readEntry(line: string): readonly MountEntry[] {
  const fields = line.split(' ');
  const [id, , device, root, mountPoint] = fields;
  // Any number of optional fields comes before the separator.
  const [type, , options = ''] = fields.slice(fields.indexOf('-', 6) + 1);
  if (id === undefined || device === undefined || mountPoint === undefined || type === undefined) return [];
  return [
    {
      id: Number(id),
      device,
      root: plain(root ?? ''),
      mountPoint: plain(mountPoint),
      type,
      options: options.split(','),
    },
  ];
}

/** The mounts that a text of the kernel lists, in its order: one that covers another comes after it. */
export function readMountInfo(text: string): readonly MountEntry[] {
  return text.split('\n').flatMap(readEntry);
}

/** The mount with this id in such a text, without reading the rest of it, which may be long; null: there is none. */
export function findMount(text: string, id: number): MountEntry | null {
  const line = new RegExp(`^${id} .*`, 'm').exec(text)?.[0];
  return line === undefined ? null : (readEntry(line)[0] ?? null);
}

/** A file system with this `major:minor` is among those of such a text. */
export function listsDevice(text: string, device: string): boolean {
  return new RegExp(`^\\d+ \\d+ ${device} `, 'm').test(text);
}

/** The list of what is mounted in this process's own namespace. */
export function ownMountList(): string {
  return readFileSync('/proc/self/mountinfo', 'utf8');
}

/** What is mounted in this process's own namespace. */
export function ownMounts(): readonly MountEntry[] {
  return readMountInfo(ownMountList());
}

/** Where a descriptor is open, as the kernel knows without asking a file system. */
export interface PlaceInfo {
  /** Of the mount that it was opened through. */
  readonly id: number;
  /** Number of its inode in the kernel, which may be another than fstat(2) says; null on kernels before 5.14. */
  readonly node: string | null;
}

/** What proc(5), /proc/pid/fdinfo, says of a descriptor of this process; its file system is not asked. */
export function placeInfoOf(descriptor: number): PlaceInfo {
  const path = `/proc/self/fdinfo/${descriptor}`;
  const text = readFileSync(path, 'utf8');
  const id = /^mnt_id:\s*(\d+)$/m.exec(text)?.[1];
  if (id === undefined) throw new Error(`${path} names no mount; expected Linux 3.15 or newer`);
  return { id: Number(id), node: /^ino:\s*(\d+)$/m.exec(text)?.[1] ?? null };
}

/** The mount that a descriptor was opened through; its file system is not asked. */
export function mountIdOf(descriptor: number): number {
  return placeInfoOf(descriptor).id;
}
