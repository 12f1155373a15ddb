/** The entry that says to which specification a state is written (REV-1). */
export const specPath = '#spec';

/** The specification that is read. */
export const stateSpec = 'pantavisor-service-system@1';

/** The document that all containers share: pools and groups. */
export const devicePath = 'device.json';

/** Components that belong to the system and are kept untouched (REV-1): their `run.json` is no container's. */
const systemComponents: ReadonlySet<string> = new Set(['bsp']);

/** Prefix of the paths whose second segment names the component that they configure (CTR-4). */
export const configPrefix = '_config/';

/**
 * The component that a path of the flat state belongs to: `web` for `web/run.json` and for `_config/web/etc/app.conf`.
 * Null for files of the whole device (`device.json`, `#spec`) and for the system's own (`bsp/…`, `_sigs/…`, `_hostconfig/…`).
 * Every path that has a component is an input of `readContainer` for it, and no other path is.
 */
export function componentOf(path: string): string | null {
  const rest = path.startsWith(configPrefix) ? path.slice(configPrefix.length) : path;
  const slash = rest.indexOf('/');
  if (slash < 1) return null;
  const name = rest.slice(0, slash);
  return name.startsWith('_') || systemComponents.has(name) ? null : name;
}
