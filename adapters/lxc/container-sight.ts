import { existsSync } from 'node:fs';
import { exitText } from '../../state/exit-text.ts';
import { type ContainerExit, containerKey, type ObservedResource } from '../../state/resource.ts';
import { identify } from '../linux/process-identity.ts';
import type { ContainerRecord } from './container-record.ts';
import type { Layout } from './layout.ts';
import type { Monitors } from './monitors.ts';
import type { Runs } from './runs.ts';
import { tailOf } from './tail.ts';

/** How many of a container's last lines are told with its end, and how much of each. */
const shownLines = 12;
const shownCharacters = 200;

/** How much of a console log its last lines are looked for in. */
const consoleTailBytes = 16 * 1024;

/** The last lines, with something in them, that a container wrote to its console; oldest first. */
export function lastLinesOf(console: string, count: number): readonly string[] {
  return tailOf(console, consoleTailBytes)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .slice(-count);
}

/** The kernel has an interface of this name in our network namespace (each has settings of its own there, but for those without IPv4). */
function hasInterface(name: string): boolean {
  return existsSync(`/proc/sys/net/ipv4/conf/${name}`);
}

export interface ContainerSightOptions {
  readonly layout: Layout;
  readonly monitors: Monitors;
  readonly runs: Runs;
  /** The root volume of this container is in place. */
  readonly isMounted: (record: ContainerRecord) => boolean;
  /** Host ends of the veth pairs that a container has while it runs. */
  readonly hostInterfaces: (record: ContainerRecord) => readonly string[];
}

/** Looks at containers: what is there of one, from LXC, the kernel and our own files. Changes nothing. */
export class ContainerSight {
  readonly #options: ContainerSightOptions;

  constructor(options: ContainerSightOptions) {
    this.#options = options;
  }

  /** What there is of the container that was made from `record`; null: nothing, since its record was deleted and it does not run. */
  async observe(record: ContainerRecord): Promise<ObservedResource<'container'> | null> {
    const { spec, digest } = record;
    const { running, init } = await this.#liveness(spec.name);
    if (!running && !existsSync(this.#options.layout.container(spec.name).record)) return null;
    const exit = running ? null : this.#exitOf(spec.name);
    const pid = running ? init : null;
    const facts = { running, pid, ready: pid !== null && this.#isReady(record, pid), exit };
    const drift = running ? this.#driftWhileRunning(record, pid) : this.#driftAtRest(record, exit);
    return { key: containerKey(spec.name), kind: 'container', spec, digest, drift, facts };
  }

  /** How it ended by itself, and what it said last. */
  #exitOf(name: string): ContainerExit | null {
    const exit = this.#options.runs.exit(name);
    if (exit === null) return null;
    const said = lastLinesOf(this.#options.layout.container(name).console, shownLines);
    return said.length === 0 ? exit : { ...exit, log: said.map((line) => line.slice(0, shownCharacters)) };
  }

  /** True when the container is starting, running or stopping; `init` is null where it can't be told. */
  async #liveness(name: string): Promise<{ readonly running: boolean; readonly init: number | null }> {
    const { monitors, runs } = this.#options;
    if (!(await monitors.isRunning(name))) return { running: false, init: null };
    const init = monitors.init(name);
    // A monitor outlives its container's init while it takes down what is left; before it has one, it is starting it.
    if (init === 'gone') return { running: !runs.isOver(name), init: null };
    return { running: true, init: init === 'hidden' ? null : init };
  }

  /** False when a container has left nothing that runs. */
  async isRunning(name: string): Promise<boolean> {
    return (await this.#liveness(name)).running;
  }

  /** What it takes to know a container, and for LXC to find it, is where it was put. */
  isOnRecord(name: string): boolean {
    const { record, config } = this.#options.layout.container(name);
    return existsSync(record) && existsSync(config);
  }

  #isReady({ spec }: ContainerRecord, pid: number): boolean {
    const init = spec.goal === 'READY' ? identify(pid) : null;
    return init !== null && this.#options.runs.isReady(spec.name, init);
  }

  /** One that is still being started (`pid` is null then) lacks its interfaces rightly. */
  #driftWhileRunning(record: ContainerRecord, pid: number | null): readonly string[] {
    const { name, goal } = record.spec;
    const { directory } = this.#options.layout.container(name);
    const faces = pid === null ? [] : this.#options.hostInterfaces(record);
    return [
      ...(goal === 'MOUNTED' ? ['it runs, and is only to be mounted'] : []),
      ...(this.isOnRecord(name) ? [] : [`what it was made from was deleted from ${directory}`]),
      ...faces.filter((face) => !hasInterface(face)).map((face) => `its interface '${face}' is missing`),
    ];
  }

  #driftAtRest({ spec, ...rest }: ContainerRecord, exit: ContainerExit | null): readonly string[] {
    if (spec.goal === 'MOUNTED') {
      const inPlace = this.#options.runs.hasBegun(spec.name) && this.#options.isMounted({ spec, ...rest });
      return inPlace ? [] : ['not mounted'];
    }
    if (exit === null || (exit.code === null && exit.signal === null)) return ['not running'];
    const [said] = lastLinesOf(this.#options.layout.container(spec.name).console, 1);
    return [
      'not running',
      `its init ${exitText(exit)}`,
      ...(said === undefined ? [] : [`it said last: ${said.slice(0, shownCharacters)}`]),
    ];
  }
}
