import { lstatSync, readdirSync, rmdirSync } from 'node:fs';
import { digestOf } from '../../state/json.ts';
import { type ContainerSpec, leaseKey, type NetworkInterface } from '../../state/resource.ts';
import { entriesOf } from '../linux/entries-of.ts';
import { vethName } from '../linux/mark.ts';
import { readIfThere } from '../linux/read-if-there.ts';
import { removeUnfinished } from '../linux/write-atomically.ts';
import { StepConflict } from '../step-refusal.ts';
import { generatedBy } from './configuration.ts';
import { type ContainerRecord, readContainerRecord, writeContainerRecord } from './container-record.ts';
import { isContainerName, type Layout } from './layout.ts';
import type { Monitors } from './monitors.ts';

/** What stands for the spec of a container of ours that runs and was made from nobody knows what: no desired one is like it. */
function unknownSpec(name: string): ContainerSpec {
  return {
    name,
    hostname: name,
    root: { type: 'directory', path: '/' },
    persistence: 'permanent',
    network: { mode: 'lxc' },
    config: [],
    files: [],
    goal: 'STARTED',
    system: null,
  };
}

/** Removes a directory of which a controller that was killed has made no more than a record that is not whole. */
function removeBegun(directory: string): void {
  if (!lstatSync(directory).isDirectory()) return;
  const entries = readdirSync(directory);
  if (entries.some((entry) => entry !== 'holdfast.json.new')) return;
  removeUnfinished(directory);
  rmdirSync(directory);
}

export interface ContainerRecordsOptions {
  readonly layout: Layout;
  readonly instance: string;
  readonly monitors: Monitors;
  /** Removes what a power cut has left of a container. */
  readonly discard: (name: string) => Promise<void>;
}

/** Which containers exist and are ours, and what they were made from. Read from the disk once: from then on nobody else should change it. */
export class ContainerRecords {
  readonly #options: ContainerRecordsOptions;
  /** Of every container that exists. */
  readonly #records = new Map<string, ContainerRecord>();
  /** From the host's end of an interface to the container that it belongs to. */
  readonly #owners = new Map<string, string>();

  constructor(options: ContainerRecordsOptions) {
    this.#options = options;
  }

  /** Reads everything anew. Containers that run under our path and are on no record count, too, unless they are somebody else's. */
  async load(): Promise<void> {
    const names = entriesOf(this.#options.layout.lxcPath).filter(isContainerName);
    const found = await Promise.all(names.map(async (name) => ({ name, record: await this.#read(name) })));
    this.#records.clear();
    this.#owners.clear();
    for (const { record } of found) if (record !== null) this.#set(record);
    for (const name of this.#options.monitors.running()) {
      if (!this.has(name) && this.#isUnrecorded(name)) this.#set(this.#unknown(name));
    }
  }

  get(name: string): ContainerRecord | undefined {
    return this.#records.get(name);
  }

  has(name: string): boolean {
    return this.#records.has(name);
  }

  /** On disk before anything is made of it. */
  write(spec: ContainerSpec, digest: string): void {
    const record = { instance: this.#options.instance, digest, spec };
    writeContainerRecord(this.#options.layout.container(spec.name).record, record);
    this.forget(spec.name);
    this.#set(record);
  }

  /** What is on disk is gone, or goes with the container's directory. */
  forget(name: string): void {
    const record = this.#records.get(name);
    if (record === undefined) return;
    this.#records.delete(name);
    for (const face of this.hostInterfaces(record.spec)) this.#owners.delete(face);
  }

  names(): readonly string[] {
    return [...this.#records.keys()];
  }

  *specs(): Iterable<ContainerSpec> {
    for (const { spec } of this.#records.values()) yield spec;
  }

  /** Name of the host's end of an interface. */
  hostInterface(container: string, face: NetworkInterface): string {
    return vethName(this.#options.instance, leaseKey(face.pool, container, face.name));
  }

  /** Host ends of the veth pairs that a container has while it runs; of those in `pool` alone, where it is given. */
  hostInterfaces({ name, network }: ContainerSpec, pool?: string): readonly string[] {
    if (network.mode !== 'pool') return [];
    return network.interfaces
      .filter((face) => face.type === 'veth' && (pool === undefined || face.pool === pool))
      .map((face) => this.hostInterface(name, face));
  }

  /** The container that an interface of the host belongs to; null: none. */
  ownerOf(hostInterface: string): string | null {
    return this.#owners.get(hostInterface) ?? null;
  }

  /** Throws StepConflict where somebody else's container has this name. */
  expectOurs(name: string): void {
    if (this.has(name) || this.#isUnrecorded(name)) return;
    throw new StepConflict({
      code: 'ContainerExists',
      message: `${this.#options.layout.container(name).directory} holds a container that Holdfast did not make; remove it, or give this one another name`,
    });
  }

  #set(record: ContainerRecord): void {
    this.#records.set(record.spec.name, record);
    for (const face of this.hostInterfaces(record.spec)) this.#owners.set(face, record.spec.name);
  }

  /** What is left of a container whose record a power cut took goes: nobody could name what it was made from. So does one that was only begun. */
  async #read(name: string): Promise<ContainerRecord | null> {
    const { layout, instance, monitors, discard } = this.#options;
    const { directory, record: path } = layout.container(name);
    const record = readContainerRecord(path, instance);
    if (record === null) removeBegun(directory);
    else removeUnfinished(directory);
    if (record !== 'torn') return record;
    if (await monitors.isRunning(name)) return this.#unknown(name);
    await discard(name);
    return null;
  }

  #unknown(name: string): ContainerRecord {
    const spec = unknownSpec(name);
    return { instance: this.#options.instance, digest: digestOf(spec), spec };
  }

  /** It has no record, and nothing says that it is somebody else's: it has no configuration either, or one that we wrote. */
  #isUnrecorded(name: string): boolean {
    const { record, config } = this.#options.layout.container(name);
    const text = readIfThere(config);
    return readIfThere(record) === null && (text === null || text.startsWith(generatedBy));
  }
}
