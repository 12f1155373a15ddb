import type { Catalog } from './entry.ts';

/** Codes about services that containers require of each other (LINK-1, LINK-2). */
export const linkCodes = {
  ServiceRequiredMissing: {
    severity: 'error',
    title: 'No container provides a service that another one requires.',
    explanation:
      'The container could not do its work. A service is found by its name, and by its type where one is given, in the services.json of another container (LINK-2).',
    remedy:
      "Correct the name or the type, add the service to its provider's services.json, or move it to `services.optional` of run.json.",
  },
  ServiceOptionalMissing: {
    severity: 'warning',
    title: 'No container provides a service that another one can do without.',
    explanation: 'The container starts without it, and gets it when a revision has a provider (LINK-1).',
    remedy: "Correct the name or the type, or add the service to its provider's services.json.",
  },
  ServiceAmbiguous: {
    severity: 'error',
    title: 'Two containers provide the service that another one uses.',
    explanation:
      'A service is found by its name, and by its type where one is given: either provider could be meant (LINK-2).',
    remedy: 'Give one of the two services another name, or say the `type` where they differ in it.',
  },
  ServiceUnlinkable: {
    severity: 'error',
    title: 'A required service is declared, and can never be had.',
    explanation:
      'Its provider gives no `socket` for it, or runs nothing: the goal of that container is MOUNTED.',
    remedy: 'Add the `socket` to the services.json of the provider, or change its `status_goal`.',
  },
  ServiceNotLinked: {
    severity: 'warning',
    title: 'A service that a container uses does not appear in it.',
    explanation:
      'Services of type tcp and http are reached at addresses, not at a `target`. Others need a `socket` of a provider that runs, and a container that runs and uses them.',
    remedy: 'Reach it by name and port, or remove the requirement or its `target`.',
  },
  ServiceStartsLater: {
    severity: 'error',
    title: 'A container requires a service of a container that starts after it.',
    explanation:
      'A container starts when those that it requires are up, and a group starts when the one before is: the two would wait for each other.',
    remedy:
      'Put the provider into the same group or an earlier one, or move the service to `services.optional` of run.json.',
  },
  ServiceRing: {
    severity: 'error',
    title: 'Containers require services of each other in a ring.',
    explanation: 'Each starts when the one that it requires is up, so that none of them ever would.',
    remedy: 'Move one of the services to `services.optional` of the run.json of its consumer.',
  },
  TooManyLinks: {
    severity: 'error',
    title: 'The containers of a revision use more services than a device may have links.',
    explanation:
      'Each service that a container uses is a link: mounted and looked after by itself. There is a limit, far above what any device needs, so that no revision takes all of its memory (REV-8).',
    remedy: 'Remove requirements, or let one container use the service for several.',
  },
  ServiceTargetInvalid: {
    severity: 'error',
    title: 'A service cannot appear at its target.',
    explanation:
      'A target is an absolute, normalised path in the container, outside of /proc and /sys. Without one it is /run/pv/services/<name>.sock, and the path of its provider for a device.',
    remedy: 'Give a `target` of that form.',
  },
  ServiceTargetTwice: {
    severity: 'error',
    title: 'Two services are to appear at one place of a container.',
    explanation:
      'One path is one socket or device: two of them can neither be at the same path nor one below the other (LINK-3).',
    remedy: 'Give one of them another `target`.',
  },
  ServiceInterfaceInvalid: {
    severity: 'error',
    title: 'An `interface` is no name that D-Bus knows.',
    explanation:
      'It is the name of a bus or of an interface: two or more elements parted by dots, of letters, digits, "_" and "-", none of which begins with a digit; 255 characters at most (D-Bus specification, "Valid Names").',
    remedy: 'Write the name as the service has it, such as "org.example.Clock".',
  },
  ServiceInterfaceUnused: {
    severity: 'warning',
    title: 'An `interface` is given for a service that is not on D-Bus.',
    explanation: 'Nothing but D-Bus has interfaces that could be told apart; all of the service is reached.',
    remedy: 'Remove it.',
  },
  ServiceRoleInvalid: {
    severity: 'error',
    title: 'A `role` is none that a service can be told.',
    explanation:
      'A role stands in a header of HTTP and is looked up among the users of a provider: 1-256 printable ASCII characters, no space at its ends (LINK-5, LINK-6).',
    remedy: 'Use another name for the role, in the provider, too.',
  },
  ServiceSocketInvalid: {
    severity: 'error',
    title: 'A container says that a service is at a path that can be none.',
    explanation: 'Paths are absolute, at most 4095 bytes long, and have no control characters (REV-8).',
    remedy: 'Correct `socket` in its services.json.',
  },
} as const satisfies Catalog;

/** Codes of links that can't be had on this host, or with what is in the containers (ENG-8). */
export const linkConflictCodes = {
  LinkTargetTaken: {
    severity: 'conflict',
    title: 'Something that is not ours stands where a service is to appear.',
    explanation:
      'What a container has at the target is never covered or removed (LINK-12). The link waits until the place is free.',
    remedy: 'Remove it in the container, or give the requirement another `target`.',
  },
  LinkTargetRefused: {
    severity: 'conflict',
    title: 'The target of a service leads to where nothing may be put.',
    explanation:
      'It leads out of the root of the container, through its /proc or /sys, or through something that is no directory (LINK-11). The link waits until it leads elsewhere.',
    remedy: 'Look at the links and mounts of the container on the way to the target, or give another one.',
  },
  LinkSourceRefused: {
    severity: 'conflict',
    title: 'What a container has in place of its service is not what it says.',
    explanation:
      'A service is a socket, and one of type drm a character device, in the root of its provider; a link out of it, a file or a directory is never handed on (LINK-7, LINK-11). The link waits until it is what it should be.',
    remedy:
      'Look at what the message names in the provider, or correct `type` and `socket` in its services.json.',
  },
  LinkDeviceRefused: {
    severity: 'conflict',
    title: 'A container provides a device that it may not use itself.',
    explanation:
      'A node alone is no right: anyone could make one. A device is handed on only where the configuration of its provider allows it, or where it is the one of direct rendering that the path names: 226:0 for card0 (LINK-7).',
    remedy: 'Allow the device in the LXC configuration of the provider, or provide another one.',
  },
} as const satisfies Catalog;

/** Codes of links that could not be made for now: they are tried again (ENG-3). */
export const linkFailureCodes = {
  ContainerNotRunning: {
    severity: 'failure',
    title: 'A container went away while something was made in it.',
    explanation: 'What is between containers needs both to run; the step is tried again when it does.',
    remedy: 'None is needed, unless the container should run: then look at it.',
  },
  LinkFailed: {
    severity: 'failure',
    title: 'A link could not be made, or looked at.',
    explanation:
      'Something that it needs of this host did not work, or a container went away meanwhile; the message says what. It is tried again (ENG-3).',
    remedy: 'Look at the message: a kernel that lacks something, or a process that ended, is usual.',
  },
} as const satisfies Catalog;
