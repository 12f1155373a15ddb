import { closeSync, readdirSync, readFileSync } from 'node:fs';

/** O_CLOEXEC as /proc shows it in the flags of a descriptor (proc(5), in octal). */
const closeOnExec = 0o2000000;

/**
 * Descriptors above 2 that our children would inherit: those that whoever started us left open. Node opens every one of
 * its own close-on-exec, and marks the lowest that it inherits, but not those above a gap.
 */
export function inheritedDescriptors(): readonly number[] {
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter((descriptor) => descriptor > 2 && isInherited(descriptor));
}

/** Closes them, so that no child gets any (CVE-2024-21626 is what comes of it). For the start of a program, once. */
export function closeInheritedDescriptors(): void {
  for (const descriptor of inheritedDescriptors()) closeSync(descriptor);
}

function isInherited(descriptor: number): boolean {
  try {
    const flags =
      /^flags:\s+([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1] ?? '0';
    return (Number.parseInt(flags, 8) & closeOnExec) === 0;
  } catch {
    // The descriptor with which the list itself was read is closed by now.
    return false;
  }
}
