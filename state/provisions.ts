import type { DesiredContent } from './desired-content.ts';
import type { ContainerReading } from './draft.ts';
import { acceptable } from './finding.ts';
import { type Groups, type Placement, placeAmong } from './groups.ts';
import { MAX_NAMES_COMPARED } from './limits.ts';
import type { ServiceManifest } from './manifest.ts';
import { type DeviceReading, orderIn } from './outlook.ts';
import { pointerTo } from './pointer.ts';
import { readServices } from './read-services.ts';
import { containerComponent, type StateTree } from './tree.ts';

/** A service, as some container provides it. */
export interface Provision {
  readonly container: string;
  readonly service: ServiceManifest;
  /** The documents of the container have errors: nothing more is said of it than those. */
  readonly broken: boolean;
}

/** Where services are looked up. */
export interface Provisions {
  /** Services of this name, of whatever container, in the order of the revision. */
  named(name: string): readonly Provision[];
  /** The same, of one type. */
  ofType(name: string, type: ServiceManifest['type']): readonly Provision[];
  /** Names of all services, sorted, for hints; of more than MAX_NAMES_COMPARED, none. */
  names(): readonly string[];
  /** The services of some container can't all be read: what is not there may be among them. */
  readonly unreadable: boolean;
  /** When a container starts and how far it gets; null: that is not known, for errors of its own or of the device. */
  placement(container: string): Placement | null;
}

/** A state that differs from a content in `readings`, as far as services are concerned. */
export interface ServiceView {
  readonly tree: StateTree;
  readonly device: DeviceReading;
  readonly groups: Groups;
  readonly readings: ReadonlyMap<string, ContainerReading | null>;
}

/** The services of `view`, found by what of it differs from `content` and by the indices of that (ENG-6). Good while `content` stays as it is. */
export class ViewedProvisions implements Provisions {
  readonly #content: DesiredContent;
  readonly #view: ServiceView;
  /** Of containers that differ. */
  readonly #anew = new Map<string, Provision[]>();
  readonly #servicesOf = new Map<string, readonly ServiceManifest[]>();
  readonly #named = new Map<string, readonly Provision[]>();
  readonly #ofType = new Map<string, ReadonlyMap<ServiceManifest['type'], readonly Provision[]>>();
  readonly #unreadable: boolean;
  #names: readonly string[] | null = null;

  constructor(content: DesiredContent, view: ServiceView) {
    this.#content = content;
    this.#view = view;
    let unreadable = false;
    for (const [container, reading] of view.readings) {
      if (reading === null) continue;
      const broken = !acceptable(reading.findings);
      const services = servicesOf(container, reading, view.tree);
      this.#servicesOf.set(container, services);
      for (const service of services) this.#enter(container, service, broken);
      unreadable ||= hasUnreadableServices(container, reading);
    }
    this.#unreadable = unreadable;
  }

  get unreadable(): boolean {
    return this.#unreadable;
  }

  /** What a container that differs provides now, its errors left aside. */
  servicesOf(container: string): readonly ServiceManifest[] {
    return this.#servicesOf.get(container) ?? [];
  }

  named(name: string): readonly Provision[] {
    const known = this.#named.get(name);
    if (known !== undefined) return known;
    const { tree } = this.#view;
    const found = [...this.#standing(name), ...(this.#anew.get(name) ?? [])].sort(
      (one, other) => orderIn(tree, one.container) - orderIn(tree, other.container),
    );
    this.#named.set(name, found);
    return found;
  }

  ofType(name: string, type: ServiceManifest['type']): readonly Provision[] {
    const known = this.#ofType.get(name) ?? Map.groupBy(this.named(name), ({ service }) => service.type);
    this.#ofType.set(name, known);
    return known.get(type) ?? [];
  }

  names(): readonly string[] {
    this.#names ??= this.#sortedNames();
    return this.#names;
  }

  placement(container: string): Placement | null {
    const { readings, groups, device } = this.#view;
    const reading = readings.has(container) ? readings.get(container) : this.#content.readings.get(container);
    const manifest = reading?.manifest ?? null;
    if (manifest === null || !acceptable(device.findings)) return null;
    const isUnknown = manifest.group !== null && groups.size > 0 && !groups.has(manifest.group);
    return isUnknown ? null : placeAmong(groups, manifest);
  }

  #enter(container: string, service: ServiceManifest, broken: boolean): void {
    const provisions = this.#anew.get(service.name) ?? [];
    provisions.push({ container, service, broken });
    this.#anew.set(service.name, provisions);
  }

  /** Those of containers that do not differ. */
  *#standing(name: string): Iterable<Provision> {
    for (const container of this.#content.byService.naming(name)) {
      if (this.#view.readings.has(container)) continue;
      const services = this.#content.readings.get(container)?.manifest?.services ?? [];
      const service = services.find((each) => each.name === name);
      if (service !== undefined) yield { container, service, broken: false };
    }
  }

  #sortedNames(): readonly string[] {
    const all = new Set([...this.#content.byService.names(), ...this.#anew.keys()]);
    const names = [...all].filter((name) => this.isProvided(name));
    return areCompared(names.length) ? names.sort() : [];
  }

  /** Some container provides a service of this name. */
  isProvided(name: string): boolean {
    if (this.#anew.has(name)) return true;
    for (const container of this.#content.byService.naming(name)) {
      if (!this.#view.readings.has(container)) return true;
    }
    return false;
  }
}

/** A misspelt name is compared with so many others, and not with more: each name with all would cost too much. */
export function areCompared(names: number): boolean {
  return names <= MAX_NAMES_COMPARED;
}

/** Also of one with errors, which has no manifest: what it provides is there, and it is what is wrong with it that is to be said. */
function servicesOf(
  container: string,
  { manifest, findings }: ContainerReading,
  tree: StateTree,
): readonly ServiceManifest[] {
  if (manifest !== null) return manifest.services;
  if (acceptable(findings)) return [];
  const path = `${container}/services.json`;
  const documents = tree.component(containerComponent(container))?.documents ?? {};
  return readServices(path, Object.hasOwn(documents, path) ? documents[path] : undefined).services;
}

function hasUnreadableServices(container: string, { findings }: ContainerReading): boolean {
  const pointer = pointerTo(`${container}/services.json`);
  return findings.some((each) => each.severity === 'error' && each.pointer.startsWith(pointer));
}
