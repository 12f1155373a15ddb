import type { Catalog } from './entry.ts';

/** Why the trial of a revision ended before it was committed (ROLL-3, ROLL-4), besides conflicts and exits of containers. */
export const trialCodes = {
  GroupTimeout: {
    severity: 'failure',
    title: 'A group did not reach its goal in time.',
    explanation:
      'One of its containers did not get as far as its `status_goal` within the `timeout` of the group, 30 s unless given (CTR-6).',
    remedy: 'Look at the container that the message names, or give the group more time.',
  },
  StepFailed: {
    severity: 'failure',
    title: 'A step of a revision on trial failed again and again.',
    explanation: 'Outside a trial it would be tried for ever; a trial has something better to go back to.',
    remedy: 'Look at what the step said last.',
  },
  RetriesExhausted: {
    severity: 'failure',
    title: 'A container was started again as often as its manifest allows.',
    explanation: 'It has ended each time; `auto_recovery` gives it no further restart (CTR-8).',
    remedy:
      'Look at how it ended and at its last lines. It is started anew when its manifest changes, or when the controller starts.',
  },
  Unstable: {
    severity: 'failure',
    title: 'A revision on trial fell back again and again.',
    explanation:
      'Each time everything was ready, something ended or drifted before the commit window was over.',
    remedy: 'Look at the resource that the message names, and at the events.',
  },
  RebootFailed: {
    severity: 'failure',
    title: 'The device was not booted for a system transition.',
    explanation:
      'The command of `run --reboot-command` failed, or the device still ran minutes later; the revision was not tried (ROLL-8).',
    remedy: 'Look at the message, and try the command by hand.',
  },
  Interrupted: {
    severity: 'failure',
    title: 'The controller or the device went down during a trial.',
    explanation:
      'What takes a device down must not do so again: one attempt is all that a revision has (ROLL-4).',
    remedy: 'Where it was not the fault of the revision, apply it again.',
  },
  Superseded: {
    severity: 'failure',
    title: 'Another revision was applied during a trial.',
    explanation: 'The newer one is tried instead, against the revision that was committed last.',
    remedy: 'None is needed.',
  },
  Cancelled: {
    severity: 'failure',
    title: 'The committed revision was applied during a trial.',
    explanation: 'That ends the trial: the committed revision is desired again.',
    remedy: 'None is needed. Apply the other revision again to try it anew.',
  },
} as const satisfies Catalog;
