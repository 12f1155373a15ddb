/** The most JSON that one revision, or one document of it, may have, in bytes (REV-8). */
export const MAX_JSON_BYTES = 16 * 1024 * 1024;

/** The most levels of arrays and objects inside one another (REV-8): far below what overflows a stack. */
export const MAX_NESTING = 64;

/** The most entries that a state may have: paths (REV-8). Ten times what the largest device that is planned for needs. */
export const MAX_ENTRIES = 100_000;

/** The most JSON values that one document may have, itself included (REV-8). */
export const MAX_DOCUMENT_VALUES = 1_000_000;

/** Longest path of an entry and longest segment of it, in bytes of UTF-8: PATH_MAX and NAME_MAX of Linux. */
export const MAX_PATH_BYTES = 4095;
export const MAX_SEGMENT_BYTES = 255;

/** The most findings that are kept of one revision: nobody reads more, and a hostile document could cause millions. */
export const MAX_FINDINGS = 1000;

/** An LXC configuration: characters of its text, its lines, and the characters of one line. */
export const MAX_CONFIG_CHARACTERS = 64 * 1024;
export const MAX_CONFIG_LINES = 1024;
export const MAX_CONFIG_LINE_CHARACTERS = 4096;

/** The most pools that a device may have: every pair of them is compared. */
export const MAX_POOLS = 1024;

/** The most groups that a device may have. */
export const MAX_GROUPS = 256;

/** The most names of services in which a misspelt one is looked for: a device has some dozens. */
export const MAX_NAMES_COMPARED = 1000;

/** Services of one container (REV-8). */
export const MAX_SERVICES = 1024;

/**
 * The most links of one device (REV-8): three times what the largest that is planned for needs. Each is mounted and looked after by itself, and a
 * revision has room for a million of them.
 */
export const MAX_LINKS = 32_768;

/** Ingress rules of one device (REV-8). */
export const MAX_INGRESS_RULES = 4_096;
