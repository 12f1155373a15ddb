import type { Catalog } from './entry.ts';

/** Codes of steps that failed and are tried again (ENG-3). */
export const failureCodes = {
  CommandFailed: {
    severity: 'failure',
    title: 'A program that a step needs ended with an error.',
    explanation: 'The message has the command and what it said; the step is tried again.',
    remedy: 'Look at what the program said. `holdfast describe` shows the whole of it.',
  },
  HostError: {
    severity: 'failure',
    title: 'The host refused something that a step needs.',
    explanation: 'A file, a mount or a process could not be had; the step is tried again.',
    remedy: 'Look at the message: a full disk, a missing permission or a missing file is usual.',
  },
  ContainerRunning: {
    severity: 'failure',
    title: 'A container runs when it should not.',
    explanation:
      'It was started behind our back, or has not come to its end yet; it is stopped and the step tried again.',
    remedy: 'None is needed, unless something else keeps starting the container.',
  },
  StartFailed: {
    severity: 'failure',
    title: 'A container did not start.',
    explanation:
      'LXC could not set it up, or its init ended at once; the last lines of its log stand beside the message.',
    remedy: 'Look at the log: a missing init, a missing directory or a refused mount is usual.',
  },
  StepTimedOut: {
    severity: 'failure',
    title: 'A step took longer than it may.',
    explanation: 'What it ran was killed, so that nothing waits for ever; the step is tried again.',
    remedy: 'Look at the message for what did not end: a disk or a program that hangs is usual.',
  },
  StopFailed: {
    severity: 'failure',
    title: 'A container did not stop.',
    explanation: 'It was asked to end, then forced to, and still runs; the step is tried again.',
    remedy: 'Look at the message: a process that waits for a failing disk cannot be ended.',
  },
  PacketRulesFailed: {
    severity: 'failure',
    title: 'The packet filter rules of the pools were not set.',
    explanation: 'They are set all at once or not at all, so that those of before are still in force.',
    remedy: 'Look at the message of nft or iptables; a kernel module may be missing.',
  },
  LinkSetupFailed: {
    severity: 'failure',
    title: 'A bridge or its address was not set up.',
    explanation: 'The step is tried again; containers of the pool wait for it.',
    remedy: 'Look at the message of ip.',
  },
  HostNetworkFailed: {
    severity: 'failure',
    title: "The host's network could not be read.",
    explanation: 'Nothing is changed without knowing what is there; the step is tried again.',
    remedy: 'Look at the message; iproute2 must be installed.',
  },
  StepWithoutEffect: {
    severity: 'failure',
    title: 'A step ended well, and nothing changed.',
    explanation:
      'Something undoes the change at once, or the adapter is at fault; the step is tried again, ever more slowly.',
    remedy: 'Look for another program that manages the same thing.',
  },
  AdapterFault: {
    severity: 'failure',
    title: 'An adapter failed in a way that it should not.',
    explanation: 'This is an error in Holdfast. The step is tried again.',
    remedy: 'Report it, with the message.',
  },
  ObserveFailed: {
    severity: 'failure',
    title: 'What exists could not be observed.',
    explanation: 'Nothing is removed until one full observation has succeeded (ENG-4); it is tried again.',
    remedy: 'Look at the message.',
  },
  NotDurable: {
    severity: 'failure',
    title: 'A fact could not be written to the disk.',
    explanation: 'What depends on the fact waits, since it could be forgotten at a power cut.',
    remedy: 'Look at the disk: it may be full, read-only or failing.',
  },
  ObjectCorrupt: {
    severity: 'failure',
    title: 'An object in the store has lost its content.',
    explanation: 'Its bytes do not have the sha256 that it was stored under: the disk has changed them.',
    remedy: 'Apply the revision with its objects again, and look at the disk.',
  },
} as const satisfies Catalog;
