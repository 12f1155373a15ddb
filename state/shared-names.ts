import type { Finding } from './finding.ts';
import { finding } from './finding-catalog.ts';
import type { ContainerManifest } from './manifest.ts';
import { pointerTo } from './pointer.ts';

/** A name by which containers of a pool are reached (CTR-5). */
interface Place {
  readonly pool: string;
  readonly name: string;
  readonly containers: Set<string>;
}

/**
 * Which containers of one pool go by the same name. Container names are unique, host names need not be. Kept container
 * by container: comparing all with all would make every change as dear as the whole revision (ENG-6).
 */
export class SharedNames {
  readonly #places = new Map<string, Place>();
  /** Keys of the places with more than one container. */
  readonly #shared = new Set<string>();

  /** The container was `before` and is `after` from now on; null: it was not there, or is not any more. */
  exchange(before: ContainerManifest | null, after: ContainerManifest | null): void {
    for (const [pool, name] of namesOf(before)) this.#leave(pool, name, before?.name ?? '');
    for (const [pool, name] of namesOf(after)) this.#enter(pool, name, after?.name ?? '');
  }

  /** One warning for every shared name, at the container that comes last in the revision; with that container's name. */
  findings(orderOf: (container: string) => number): readonly (readonly [string, Finding])[] {
    return [...this.#shared].flatMap((key) => {
      const place = this.#places.get(key);
      if (place === undefined) return [];
      const containers = [...place.containers].sort((one, other) => orderOf(one) - orderOf(other));
      const last = containers.at(-1) ?? '';
      return [[last, nameShared(place, containers, last)] as const];
    });
  }

  #enter(pool: string, name: string, container: string): void {
    const key = `${pool}/${name}`;
    const place = this.#places.get(key) ?? { pool, name, containers: new Set() };
    this.#places.set(key, place);
    place.containers.add(container);
    if (place.containers.size > 1) this.#shared.add(key);
  }

  #leave(pool: string, name: string, container: string): void {
    const key = `${pool}/${name}`;
    const place = this.#places.get(key);
    if (place === undefined) return;
    place.containers.delete(container);
    if (place.containers.size < 2) this.#shared.delete(key);
    if (place.containers.size === 0) this.#places.delete(key);
  }
}

/** Pool and name, each once, of every name that the container goes by. Names are compared as DNS does (RFC 4343). */
function namesOf(manifest: ContainerManifest | null): readonly (readonly [string, string])[] {
  if (manifest === null || manifest.network.mode !== 'pool') return [];
  const pools = new Set(manifest.network.interfaces.map((face) => face.pool));
  const names = new Set([manifest.name.toLowerCase(), manifest.hostname.toLowerCase()]);
  return [...pools].flatMap((pool) => [...names].map((name) => [pool, name] as const));
}

function nameShared(place: Place, containers: readonly string[], last: string): Finding {
  const named = containers.map((container) => `'${container}'`).join(', ');
  const expected = 'a name that no other container of the pool has';
  return finding('HostnameShared', {
    pointer: pointerTo(`${last}/run.json`),
    found: place.name,
    expected,
    message: `found the name '${place.name}' for ${named} in the pool '${place.pool}', expected ${expected}`,
  });
}
