import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { filter, merge, type Observable, Subject } from 'rxjs';
import type { ContainerSpec, LxcConfigItem, ObservedResource } from '../../state/resource.ts';
import type { Commands } from '../linux/command.ts';
import type { After } from '../linux/network-monitor.ts';
import { identify } from '../linux/process-identity.ts';
import { readIfThere } from '../linux/read-if-there.ts';
import { StepFailure } from '../step-refusal.ts';
import { deviceRulesOf, lxcConfiguration } from './configuration.ts';
import { ContainerRecords } from './container-records.ts';
import { ContainerSight, lastLinesOf } from './container-sight.ts';
import { complaintsIn } from './exit-report.ts';
import { ignoresHalt } from './halt-signal.ts';
import { HostsFiles, type HostsSource } from './hosts-files.ts';
import type { ContainerPaths, Layout } from './layout.ts';
import type { LxcTools } from './lxc-tools.ts';
import type { Monitors } from './monitors.ts';
import { ReadySockets } from './ready-sockets.ts';
import { RecordWatch } from './record-watch.ts';
import { Root } from './root.ts';
import { Runs } from './runs.ts';
import { tailOf } from './tail.ts';

/** Lines of the container's log that a failure repeats, and how much of a log they are looked for in. */
const shownLogLines = 12;
const logTailBytes = 64 * 1024;

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
  readonly commands: Commands;
  readonly monitors: Monitors;
  readonly tools: LxcTools;
  readonly leases: HostsSource['leases'];
  /** The clock's. */
  readonly after: After;
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
  readonly #runs: Runs;
  readonly #sight: ContainerSight;
  readonly #ready: ReadySockets;
  readonly #watch = new RecordWatch();
  readonly #hosts: HostsFiles;
  readonly #signalled = new Subject<string>();
  readonly #records: ContainerRecords;

  constructor(options: ContainersOptions) {
    const { layout, objects, commands, monitors, after } = options;
    this.#options = options;
    this.#layout = layout;
    this.#monitors = monitors;
    this.#tools = options.tools;
    this.#root = new Root({ layout, objects, commands });
    this.#records = new ContainerRecords({
      layout,
      instance: options.instance,
      monitors,
      discard: (name) => this.#discard(name, layout.container(name)),
    });
    this.#runs = new Runs(layout);
    this.#sight = new ContainerSight({
      layout,
      monitors,
      runs: this.#runs,
      isMounted: ({ spec }) => this.#root.isMounted(spec.root),
      hostInterfaces: ({ spec }) => this.#records.hostInterfaces(spec),
    });
    this.#ready = new ReadySockets({ layout, after, take: (name) => this.#takeSignal(name) });
    this.#hosts = new HostsFiles(layout, { leases: options.leases, containers: () => this.#records.specs() });
  }

  /** Names of containers that may be other than they were, from whatever cause: they ended, they signalled, their files were changed. */
  get changed(): Observable<string> {
    const damaged = this.#watch.changed.pipe(filter((name) => !this.#sight.isOnRecord(name)));
    return merge(this.#monitors.ended, this.#signalled, damaged);
  }

  /** Why something is not watched or listened to any more that should be: a full observation is due. */
  get lost(): Observable<string> {
    return this.#ready.failed;
  }

  /** Reads from the disk which containers exist, and makes name resolution say what leases and containers say. */
  async load(): Promise<void> {
    await this.#records.load();
    await this.#hosts.refresh();
  }

  names(): readonly string[] {
    return this.#records.names();
  }

  /** From now on `changed` tells of those that run, and they are listened to. Rejects where they can't be. */
  async attend(): Promise<void> {
    const attended = [...this.#records.specs()].map(async (spec) => {
      if (await this.#sight.isRunning(spec.name)) await this.#attendTo(spec);
    });
    await Promise.all(attended);
  }

  /** Nothing is told or listened to any more. */
  close(): void {
    this.#signalled.complete();
    this.#watch.close();
    this.#ready.close();
  }

  /** Names resolve as the leases now say (CTR-5). */
  refreshNames(): Promise<void> {
    return this.#hosts.refresh();
  }

  /** Host ends of the interfaces that containers have in `pool`, whether they run or not. */
  hostInterfaces(pool: string): readonly string[] {
    return [...this.#records.specs()].flatMap((spec) => this.#records.hostInterfaces(spec, pool));
  }

  /** All device rules that a container is started with, in their order; of one that is not there, none. */
  deviceRules(name: string): readonly LxcConfigItem[] {
    const record = this.#records.get(name);
    return record === undefined ? [] : deviceRulesOf(record.spec.config);
  }

  /** The container that an interface of the host belongs to; null: none that could miss it. One whose init has ended loses them rightly. */
  ownerOf(hostInterface: string): string | null {
    const owner = this.#records.ownerOf(hostInterface);
    return owner === null || this.#monitors.init(owner) === 'gone' ? null : owner;
  }

  /** What there is of one container now; null: nothing of ours. One whose record was deleted is forgotten once it runs no more. */
  async observe(name: string): Promise<ObservedResource<'container'> | null> {
    const record = this.#records.get(name);
    if (record === undefined) return null;
    const observed = await this.#sight.observe(record);
    if (observed === null && this.#records.get(name) === record) this.#records.forget(name);
    return observed;
  }

  /** Makes root and configuration anew and, unless it is only to be mounted, starts it. Rejects with StepConflict or StepFailure. */
  async start(spec: ContainerSpec, digest: string, signal: AbortSignal): Promise<void> {
    const { name } = spec;
    const paths = this.#layout.container(name);
    if (await this.#isUp(name)) {
      if (this.#isAsAsked(name, digest)) return;
      this.#expectUnknown(name);
      await this.#end(name, signal);
    }
    this.#records.expectOurs(name);
    this.#root.check(spec.root);
    const before = this.#records.get(name)?.spec;
    await this.#make(spec, digest, paths);
    // It may have been the last one in the pools that it was in.
    if (before !== undefined) await this.#hosts.refresh();
    if (spec.goal !== 'MOUNTED') await this.#launch(spec, paths, signal);
    if (before?.root.type === 'object') await this.#sweep();
  }

  /** Graceful, then forced (CTR-8); resolves when nothing of it runs any more. */
  async stop(name: string, signal: AbortSignal): Promise<void> {
    if (this.#records.has(name) && (await this.#monitors.isRunning(name))) await this.#end(name, signal);
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
    this.#records.forget(name);
    await Promise.all([this.#hosts.refresh(), this.#sweep()]);
  }

  /** The record goes last: what is left of a crash is found again. */
  async #discard(name: string, paths: ContainerPaths): Promise<void> {
    this.#ready.remove(name);
    await this.#root.remove(name);
    await rm(dirname(paths.log), { recursive: true, force: true });
    for (const path of [paths.config, paths.monitorPid, paths.record]) await rm(path, { force: true });
    await rm(paths.directory, { recursive: true, force: true });
  }

  /** False only when nothing is left of an earlier run. */
  async #isUp(name: string): Promise<boolean> {
    if (!(await this.#monitors.isRunning(name))) return false;
    if (await this.#sight.isRunning(name)) return true;
    await this.#monitors.untilEnded(name);
    return false;
  }

  #isAsAsked(name: string, digest: string): boolean {
    return this.#records.get(name)?.digest === digest && this.#sight.isOnRecord(name);
  }

  /** One that runs is stopped by a step of its own, unless nobody could know of it: its record is gone. */
  #expectUnknown(name: string): void {
    this.#records.expectOurs(name);
    if (!this.#records.has(name) || !this.#sight.isOnRecord(name)) return;
    throw new StepFailure({
      code: 'ContainerRunning',
      message: `container '${name}' runs with another specification; stop it before it is started anew`,
    });
  }

  async #make(spec: ContainerSpec, digest: string, paths: ContainerPaths): Promise<void> {
    this.#watch.release(spec.name);
    mkdirSync(paths.directory, { recursive: true });
    this.#runs.forget(spec.name);
    this.#records.write(spec, digest);
    const prepared = this.#prepare(spec, digest, paths);
    if (spec.goal !== 'MOUNTED') this.#tools.expect();
    await prepared;
    this.#runs.begin(spec.name);
  }

  async #prepare(spec: ContainerSpec, digest: string, paths: ContainerPaths): Promise<void> {
    const hostsFile = this.#hosts.fileFor(spec);
    for (const log of [paths.log, paths.console]) rotate(log);
    if (spec.goal === 'READY') await this.#ready.prepare(spec.name);
    else this.#ready.remove(spec.name);
    const root = await this.#root.prepare({ spec, digest, mountsHosts: hostsFile !== null });
    const text = lxcConfiguration({
      hostname: spec.hostname,
      network: spec.network,
      own: spec.config,
      lowerLayers: root.lowerLayers,
      upperLayer: root.upperLayer,
      hostsFile,
      hostsTarget: root.hostsTarget,
      ready: root.ready === null ? null : { directory: paths.ready, mount: root.ready },
      consoleLog: paths.console,
      haltSignal: root.haltSignal,
      hostInterface: (face) => this.#records.hostInterface(spec.name, face),
    });
    writeFileSync(paths.config, text, { mode: 0o600 });
  }

  async #launch(
    spec: ContainerSpec,
    { log, monitorPid }: ContainerPaths,
    signal: AbortSignal,
  ): Promise<void> {
    const { name } = spec;
    const status = await this.#tools.start(name, { log, monitorPid, signal });
    if (status === 0 && !signal.aborted) {
      this.#runs.setLaunched(name);
      return this.#attendTo(spec);
    }
    if (signal.aborted) this.#monitors.killStart(name);
    // The monitor ends some time after the start has failed: until then it would pass for one that runs.
    await this.#monitors.untilEnded(name);
    this.#runs.forget(name);
    throw new StepFailure({
      code: 'StartFailed',
      message: `container '${name}' did not start: lxc-start exited with ${status}; see ${log}`,
      log: this.#lastWords(name),
    });
  }

  async #end(name: string, signal: AbortSignal): Promise<void> {
    const { log } = this.#layout.container(name);
    const patienceSeconds = this.#canBeAsked(name) ? this.#options.stopTimeoutSeconds : 'kill';
    this.#watch.release(name);
    this.#runs.setStopping(name, true);
    mkdirSync(dirname(log), { recursive: true });
    const status = await this.#tools.stop(name, { log, patienceSeconds, signal });
    // It may have ended by itself while we asked.
    if (status !== 0 && (await this.#monitors.isRunning(name))) {
      this.#runs.setStopping(name, false);
      throw new StepFailure({
        code: 'StopFailed',
        message: `container '${name}' did not stop: lxc-stop exited with ${status}; see ${log}`,
        log: this.#lastWords(name),
      });
    }
    await this.#monitors.untilEnded(name);
    this.#ready.release(name);
  }

  async #attendTo({ name, goal }: ContainerSpec): Promise<void> {
    this.#watch.guard(name, this.#layout.container(name).directory);
    if (goal === 'READY') await this.#ready.attend(name);
  }

  /** A container has said that it is ready (CTR-6): it is once that is on disk, with the init that is so. */
  #takeSignal(name: string): string | null {
    if (this.#records.get(name)?.spec.goal !== 'READY') return 'nobody waits for this container';
    const pid = this.#monitors.init(name);
    const init = typeof pid === 'number' ? identify(pid) : null;
    if (init === null) return 'it cannot be told which process is the init of this container; try again';
    if (this.#runs.isReady(name, init)) return null;
    this.#runs.setReady(name, init);
    this.#signalled.next(name);
    return null;
  }

  /** What LXC complained of, else what the container said last. */
  #lastWords(name: string): readonly string[] {
    const { log, console } = this.#layout.container(name);
    const complaints = complaintsIn(tailOf(log, logTailBytes));
    const said = lastLinesOf(console, shownLogLines);
    return [...said, ...complaints.slice(-shownLogLines)].slice(-shownLogLines);
  }

  #canBeAsked(name: string): boolean {
    const init = this.#monitors.init(name);
    if (typeof init !== 'number') return true;
    return !ignoresHalt(init, readIfThere(this.#layout.container(name).config) ?? '');
  }

  async #sweep(): Promise<void> {
    await this.#root.sweep(() => this.#records.specs());
  }
}
