import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  type ContainerSpec,
  containerKey,
  leaseKey,
  type NetworkInterface,
  type ObservedResource,
} from '../../state/resource.ts';
import { vethName } from '../linux/mark.ts';
import { lxcConfiguration } from './configuration.ts';
import { type ContainerRecord, readContainerRecord, writeContainerRecord } from './container-record.ts';
import { exitReport } from './exit-report.ts';
import { ignoresHalt } from './halt-signal.ts';
import { HostsFiles, type HostsSource } from './hosts-files.ts';
import { type ContainerPaths, isContainerName, type Layout } from './layout.ts';
import type { LxcTools } from './lxc-tools.ts';
import type { Monitors } from './monitors.ts';
import { Root } from './root.ts';
import { StepConflict, StepFailure } from './step-refusal.ts';
import { entriesOf } from './storage.ts';

/** Characters of a container's last line that its observation repeats. */
const shownCharacters = 200;

/** Lines with something in them. */
function linesOf(text: string): readonly string[] {
  return text.split(/\r?\n/).filter((line) => line.trim() !== '');
}

/** Lines of the container's log that a failure repeats. */
const shownLogLines = 12;

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** Makes room for the log of a run. That of the run before is kept as `<path>.1`: no more than two ever take space. */
function rotate(path: string): void {
  try {
    renameSync(path, `${path}.1`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(dirname(path), { recursive: true });
  }
}

export interface ContainersOptions {
  readonly layout: Layout;
  readonly instance: string;
  readonly objects: (sha256: string) => string;
  readonly monitors: Monitors;
  readonly tools: LxcTools;
  readonly leases: HostsSource['leases'];
  /** Whole seconds, more than 0, between asking a container to stop and forcing it (CTR-8). */
  readonly stopTimeoutSeconds: number;
}

/** The containers of this instance: made, started, stopped and removed by LXC's own tools, with an lxcpath of their own. */
export class Containers {
  readonly #options: ContainersOptions;
  readonly #layout: Layout;
  readonly #monitors: Monitors;
  readonly #tools: LxcTools;
  readonly #root: Root;
  readonly #hosts: HostsFiles;
  /** Of every container that exists. */
  readonly #records = new Map<string, ContainerRecord>();

  constructor(options: ContainersOptions) {
    this.#options = options;
    this.#layout = options.layout;
    this.#monitors = options.monitors;
    this.#tools = options.tools;
    this.#root = new Root(options.layout, options.objects);
    this.#hosts = new HostsFiles(options.layout, { leases: options.leases, containers: () => this.#specs() });
  }

  /** Reads from the disk which containers exist, and makes name resolution say what leases and containers say. */
  async load(): Promise<void> {
    const names = entriesOf(this.#layout.lxcPath).filter(isContainerName);
    const found = await Promise.all(names.map(async (name) => ({ name, record: await this.#read(name) })));
    this.#records.clear();
    for (const { name, record } of found) if (record !== null) this.#records.set(name, record);
    await this.#hosts.refresh();
  }

  names(): readonly string[] {
    return [...this.#records.keys()];
  }

  /** Names resolve as the leases now say (CTR-5). */
  refreshNames(): Promise<void> {
    return this.#hosts.refresh();
  }

  /** Host ends of the interfaces that containers have in `pool`, whether they run or not. */
  hostInterfaces(pool: string): readonly string[] {
    return [...this.#specs()].flatMap(({ name, network }) =>
      network.mode !== 'pool'
        ? []
        : network.interfaces
            .filter((face) => face.type === 'veth' && face.pool === pool)
            .map((face) => this.#hostInterface(name, face)),
    );
  }

  /** What there is of one container now; null: nothing of ours. */
  async observe(name: string): Promise<ObservedResource<'container'> | null> {
    const record = this.#records.get(name);
    if (record === undefined) return null;
    const { spec, digest } = record;
    // A monitor outlives its container's init while it takes down what is left: nothing runs any more then.
    const init = (await this.#monitors.isRunning(name)) ? this.#monitors.init(name) : 'gone';
    const running = init !== 'gone';
    const pid = typeof init === 'number' ? init : null;
    const drift = running ? [] : this.#endOf(name);
    return { key: containerKey(name), kind: 'container', spec, digest, drift, facts: { running, pid } };
  }

  /** Makes root and configuration anew and starts. Rejects with StepConflict or StepFailure. */
  async start(spec: ContainerSpec, digest: string): Promise<void> {
    const paths = this.#layout.container(spec.name);
    if (await this.#runs(spec.name)) return this.#expectRunning(spec.name, digest);
    if (!this.#records.has(spec.name) && statSync(paths.config, { throwIfNoEntry: false }) !== undefined) {
      throw new StepConflict({
        code: 'ContainerExists',
        message: `${paths.directory} holds a container that Holdfast did not make; remove it, or give this one another name`,
      });
    }
    this.#root.check(spec.root);
    const before = this.#records.get(spec.name)?.spec.root;
    const record = { instance: this.#options.instance, digest, spec };
    mkdirSync(paths.directory, { recursive: true });
    writeContainerRecord(paths.record, record);
    this.#records.set(spec.name, record);
    const prepared = this.#prepare(spec, digest, paths);
    this.#tools.expect();
    await prepared;
    await this.#launch(spec.name, paths);
    if (before?.type === 'object') await this.#sweep();
  }

  /** Graceful, then forced (CTR-8); resolves when nothing of it runs any more. */
  async stop(name: string): Promise<void> {
    if (!this.#records.has(name) || !(await this.#monitors.isRunning(name))) return;
    const { log } = this.#layout.container(name);
    const patience = this.#canBeAsked(name) ? this.#options.stopTimeoutSeconds : 'kill';
    const status = await this.#tools.stop(name, log, patience);
    // It may have ended by itself while we asked.
    if (status !== 0 && (await this.#monitors.isRunning(name))) {
      throw new StepFailure({
        code: 'StopFailed',
        message: `container '${name}' did not stop: lxc-stop exited with ${status}; see ${log}`,
        log: this.#lastWords(name),
      });
    }
    await this.#monitors.untilEnded(name);
  }

  /** Removes everything of it but its permanent storage. */
  async remove(name: string): Promise<void> {
    if (!this.#records.has(name)) return;
    if (await this.#monitors.isRunning(name)) {
      throw new StepFailure({
        code: 'ContainerRunning',
        message: `container '${name}' runs; stop it before it is removed`,
      });
    }
    await this.#discard(name, this.#layout.container(name));
    this.#records.delete(name);
    await Promise.all([this.#hosts.refresh(), this.#sweep()]);
  }

  *#specs(): Iterable<ContainerSpec> {
    for (const { spec } of this.#records.values()) yield spec;
  }

  #hostInterface(container: string, face: NetworkInterface): string {
    return vethName(this.#options.instance, leaseKey(face.pool, container, face.name));
  }

  /** What is left of a container whose record a power cut took goes: nobody could name what it was made from. */
  async #read(name: string): Promise<ContainerRecord | null> {
    const paths = this.#layout.container(name);
    const record = readContainerRecord(paths.record, this.#options.instance);
    if (record !== 'torn') return record;
    if (await this.#monitors.isRunning(name)) {
      throw new Error(
        `container '${name}' runs, and ${paths.record} is damaged; stop it with lxc-stop -P ${this.#layout.lxcPath} -n ${name}`,
      );
    }
    await this.#discard(name, paths);
    return null;
  }

  /** The record goes last: what is left of a crash is found again. */
  async #discard(name: string, paths: ContainerPaths): Promise<void> {
    await this.#root.remove(name);
    await rm(dirname(paths.log), { recursive: true, force: true });
    for (const path of [paths.config, paths.monitorPid, paths.record]) await rm(path, { force: true });
    await rm(paths.directory, { recursive: true, force: true });
  }

  /** False only when nothing is left of an earlier run. */
  async #runs(name: string): Promise<boolean> {
    if (!(await this.#monitors.isRunning(name))) return false;
    if (this.#monitors.init(name) !== 'gone') return true;
    await this.#monitors.untilEnded(name);
    return false;
  }

  #expectRunning(name: string, digest: string): void {
    if (this.#records.get(name)?.digest === digest) return;
    throw new StepFailure({
      code: 'ContainerRunning',
      message: `container '${name}' runs with another specification; stop it before it is started anew`,
    });
  }

  async #prepare(spec: ContainerSpec, digest: string, paths: ContainerPaths): Promise<void> {
    const hostsFile = this.#hosts.fileFor(spec);
    rotate(paths.log);
    const root = await this.#root.prepare({ spec, digest, mountsHosts: hostsFile !== null });
    const text = lxcConfiguration({
      hostname: spec.hostname,
      network: spec.network,
      own: spec.config,
      lowerLayers: root.lowerLayers,
      upperLayer: root.upperLayer,
      hostsFile,
      hostsTarget: root.hostsTarget,
      consoleLog: paths.console,
      haltSignal: root.haltSignal,
      hostInterface: (face) => this.#hostInterface(spec.name, face),
    });
    writeFileSync(paths.config, text, { mode: 0o600 });
  }

  async #launch(name: string, { log, monitorPid }: ContainerPaths): Promise<void> {
    const status = await this.#tools.start(name, log, monitorPid);
    if (status === 0) return;
    throw new StepFailure({
      code: 'StartFailed',
      message: `container '${name}' did not start: lxc-start exited with ${status}; see ${log}`,
      log: this.#lastWords(name),
    });
  }

  /** What LXC complained of, else what the container said last. */
  #lastWords(name: string): readonly string[] {
    const paths = this.#layout.container(name);
    const complaints = readOrEmpty(paths.log)
      .split('\n')
      .filter((line) => / ERROR /.test(line));
    const said = linesOf(readOrEmpty(paths.console));
    return [...said.slice(-shownLogLines), ...complaints.slice(-shownLogLines)].slice(-shownLogLines);
  }

  /** That it does not run, and where that is known: how it ended, and what it said last. */
  #endOf(name: string): readonly string[] {
    const { log, console } = this.#layout.container(name);
    const report = exitReport(readOrEmpty(log));
    if (report === null) return ['not running'];
    const said = linesOf(readOrEmpty(console)).at(-1);
    return [
      'not running',
      report,
      ...(said === undefined ? [] : [`it said last: ${said.slice(0, shownCharacters)}`]),
    ];
  }

  #canBeAsked(name: string): boolean {
    const init = this.#monitors.init(name);
    if (typeof init !== 'number') return true;
    return !ignoresHalt(init, readOrEmpty(this.#layout.container(name).config));
  }

  async #sweep(): Promise<void> {
    await this.#root.sweep(() => this.#specs());
  }
}
