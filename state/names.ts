/** Names of pools, groups and containers: 1-64 characters that are safe in paths, keys, rule sets and configurations. */
export const namePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
export const longestName = 64;

/** What a name is, for people. */
export const nameDescription =
  'a name of 1-64 characters: letters, digits, "_", "." and "-", starting with a letter or a digit';

/** True for a name that a pool, a group or a container may have. */
export function isName(text: string): boolean {
  return text.length <= longestName && namePattern.test(text);
}

/**
 * Names of network interfaces: 1-15 bytes (IFNAMSIZ), a part of what Linux takes. Not `all` and `default`, which mean
 * something else under /proc/sys/net, nor `lo`; and no leading `-`, which commands would read as an option.
 */
export const interfaceNamePattern = /^(?!(\.|\.\.|all|default|lo)$)[A-Za-z0-9_.][A-Za-z0-9_.-]{0,14}$/;

/** True for a name that an interface made or used by Holdfast may have. */
export function isInterfaceName(text: string): boolean {
  return interfaceNamePattern.test(text);
}

/** One label of a host name (RFC 1123): letters, digits and inner hyphens. */
const label = '[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?';

/** Host names: labels parted by dots, 63 characters in all, since Linux takes no more (HOST_NAME_MAX is 64 with its end). */
export const hostnamePattern = new RegExp(`^${label}(\\.${label})*$`);
export const longestHostname = 63;

/** True for a host name of at most 63 characters. */
export function isHostname(text: string): boolean {
  return text.length <= longestHostname && hostnamePattern.test(text);
}

/** Addresses of single hosts (IEEE 802): the group bit of the first octet is not set. */
export const macAddressPattern = /^[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$/;

/** Names of services: for people, so anything but control characters, which would break the lines that they are told in. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is kept out
export const serviceNamePattern = /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]+$/;
export const longestServiceName = 200;

/**
 * Names that D-Bus has for services and interfaces (D-Bus specification, "Valid Names"): well-known bus names, of which interface names are
 * a part. Not unique ones (`:1.7`), which nobody knows beforehand.
 */
const busNamePattern = /^[A-Za-z_-][A-Za-z0-9_-]*(\.[A-Za-z_-][A-Za-z0-9_-]*)+$/;
const longestBusName = 255;

/** True for a name that a service or an interface may have on D-Bus. */
export function isBusName(text: string): boolean {
  return text.length <= longestBusName && busNamePattern.test(text);
}

/** Roles stand in a header of HTTP, as one value (RFC 9110, section 5.5): printable ASCII, no space at the ends. */
const rolePattern = /^[!-~]([ -~]*[!-~])?$/;
const longestRole = 256;

/** True for a role in which a container may call a service (LINK-5, LINK-6). */
export function isRole(text: string): boolean {
  return text.length <= longestRole && rolePattern.test(text);
}
