import { type Static, Type } from 'typebox';
import { Address, Hostname, MacAddress, Name, Network, SchemaReference, ServiceUses } from './vocabulary.ts';

/**
 * Arguments of Pantavisor's own templates, whose output (`run.json`, `lxc.container.conf`) stands beside them. They are
 * known, so that a misspelt one is found, and mean nothing here.
 */
const templateArguments = [
  'PV_CONDITIONS',
  'PV_DEBUG_MODE',
  'PV_DISABLE_AUTODEV',
  'PV_DRIVERS_MANUAL',
  'PV_DRIVERS_OPTIONAL',
  'PV_DRIVERS_REQUIRED',
  'PV_EXTRA_VOLUMES',
  'PV_FILEIMPORTS',
  'PV_GROUP',
  'PV_IMPORT_CONFIGVOLUMES',
  'PV_LIFECYCLE_GOAL',
  'PV_LXC_CAP_DROP',
  'PV_LXC_CAP_KEEP',
  'PV_LXC_DISABLE_CONSOLE',
  'PV_LXC_EXTRA_CONF',
  'PV_LXC_EXTRA_ENV',
  'PV_LXC_NAMESPACE_KEEP',
  'PV_LXC_NETWORK_IPV4_ADDRESS',
  'PV_LXC_NETWORK_IPV4_GATEWAY',
  'PV_LXC_NETWORK_LINK',
  'PV_LXC_NETWORK_TYPE',
  'PV_RESOLV_CONF_DISABLE',
  'PV_RESOLV_CONF_PATH',
  'PV_RESTART_POLICY',
  'PV_ROLES',
  'PV_RUNLEVEL',
  'PV_RUN_TMPFS_DISABLE',
  'PV_RUN_TMPFS_PATH',
  'PV_SECURITY_FULLDEV',
  'PV_SECURITY_WITH_HOST',
  'PV_SECURITY_WITH_HOSTPROC',
  'PV_SECURITY_WITH_STORAGE',
  'PV_STATUS_GOAL',
  'PV_VOLUME_MOUNTS',
] as const;

const TemplateArguments = Type.Object(
  Object.fromEntries(templateArguments.map((name) => [name, Type.Optional(Type.Unknown())])),
);

const NetworkArguments = Type.Object({
  PV_NETWORK_POOL: Type.Optional(Name),
  PV_NETWORK_HOSTNAME: Type.Optional(Hostname),
  PV_NETWORK_IP: Type.Optional(Address),
  PV_NETWORK_MAC: Type.Optional(MacAddress),
  PV_SERVICES_REQUIRED: Type.Optional(ServiceUses),
  network: Type.Optional(Network),
  $schema: Type.Optional(SchemaReference),
});

/** Where arguments come from with a name of their own: free, so that a container's template may have any. */
const freeArguments = { patternProperties: { '^(PVR|LXC)_': {} } };

/** `<container>/args.json` (REV-4). */
export const ArgsDocument = Type.Object(
  { ...NetworkArguments.properties, ...TemplateArguments.properties },
  {
    $id: 'args.json',
    title: 'args.json',
    ...freeArguments,
    additionalProperties: false,
    description: 'an object of arguments',
  },
);

export type ArgsDocument = Static<typeof NetworkArguments>;
