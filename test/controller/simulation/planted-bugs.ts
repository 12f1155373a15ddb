/** Faults that the simulation has to find: each is planted in a thread of its own. */
const bugs = {} as const satisfies Record<string, () => void>;

export type PlantedBug = keyof typeof bugs;

/** Plants a bug in this thread, for good. */
export function plant(name: PlantedBug): void {
  (bugs[name] as () => void)();
}
