import type { ContainerManifest, GroupManifest } from './manifest.ts';
import { defaultRestartPolicy, defaultStatusGoal } from './read-group.ts';
import { mergeRecovery } from './read-recovery.ts';
import type { Lifecycle, StatusGoal } from './resource.ts';

/** A group with its place among the others, from 0. */
export interface RankedGroup extends GroupManifest {
  readonly rank: number;
}

/** The groups of a device by name, in their order. */
export type Groups = ReadonlyMap<string, RankedGroup>;

/** What a container is to reach, when, and with whom, from what it says and what its group does (CTR-6, CTR-8). */
export interface Placement {
  readonly goal: StatusGoal;
  /** A change of it is a system transition (ROLL-8). */
  readonly system: boolean;
  readonly lifecycle: Lifecycle;
}

export function rankGroups(groups: readonly GroupManifest[]): Groups {
  return new Map(groups.map((group, rank) => [group.name, { ...group, rank }]));
}

/** What a container says, over what its group says, over what is usual. One whose group is not there is in none. */
export function placeAmong(groups: Groups, manifest: ContainerManifest): Placement {
  const group = manifest.group === null ? undefined : groups.get(manifest.group);
  const policy = manifest.restartPolicy ?? group?.restartPolicy ?? defaultRestartPolicy;
  return {
    goal: manifest.statusGoal ?? group?.statusGoal ?? defaultStatusGoal,
    system: policy === 'system',
    lifecycle: {
      group: group?.name ?? null,
      rank: group?.rank ?? groups.size,
      recovery: mergeRecovery(manifest.recovery, group?.recovery ?? null),
    },
  };
}
