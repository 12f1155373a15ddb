import { exitContainer, type HostModel, signalReady } from '../../../adapters/memory/host.ts';
import { releaseSocket } from '../../../adapters/memory/links.ts';
import type { ContainerExit, ContainerSpec } from '../../../state/resource.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import type { Mishaps } from './mishaps.ts';
import { ownSocket } from './random-links.ts';
import { behaviourOf, containerNames } from './random-state.ts';

/** Once in so many starts a container ends soon, whatever it is. */
const briefRunOdds = 40;

/** What the processes of a modelled host live in. */
export interface GuestParts {
  readonly host: HostModel;
  readonly clock: VirtualClock;
  readonly mishaps: Mishaps;
  /** Changes the host so that the watch tells of it. */
  readonly disturb: (change: (host: HostModel) => void) => void;
}

/** What runs in the containers of a modelled host: it ends by itself, or is late to be ready, as its hostname says. */
export class Guests {
  readonly #parts: GuestParts;
  readonly #known = new Set<number>();
  #healed = false;

  constructor(parts: GuestParts) {
    this.#parts = parts;
  }

  /** Whoever had not said so by now is ready, and has the socket that others wait for; nobody ends by himself any more. */
  heal(): void {
    this.#healed = true;
    this.#parts.disturb((host) => {
      for (const name of host.silent) signalReady(host, name);
      host.silent.clear();
      for (const name of containerNames) releaseSocket(host, name, ownSocket);
    });
  }

  /** Those that are started from now on behave as they will. */
  fallIll(): void {
    this.#healed = false;
  }

  /** The container's init ends; nothing happens to one that does not run. */
  exit(container: string, { code, signal }: Omit<ContainerExit, 'at'>): void {
    const at = this.#parts.clock.now();
    this.#parts.disturb((host) => exitContainer(host, container, { code, signal, at }));
  }

  /** A container is about to be started. */
  expect({ name, hostname }: ContainerSpec): void {
    const { silent } = this.#parts.host;
    if (this.#healed || behaviourOf(hostname).readyAfterMs === 0) silent.delete(name);
    else silent.add(name);
  }

  /** New processes begin to behave as they will. */
  attend(): void {
    for (const [pid, { container }] of this.#parts.host.processes) {
      if (this.#known.has(pid)) continue;
      this.#known.add(pid);
      if (!this.#healed) this.#behave(pid, container);
    }
  }

  #behave(pid: number, container: string): void {
    const { host, clock, mishaps, disturb } = this.#parts;
    const behaviour = behaviourOf(host.containers.get(container)?.spec.hostname ?? '');
    const { exitsAfterMs, exitCode, readyAfterMs } = behaviour;
    const occasion = `end of container/${container} soon`;
    const early = mishaps.befall(occasion, briefRunOdds, (random) => random(9_000));
    const end = early ?? exitsAfterMs;
    const runs = () => host.processes.has(pid) && !this.#healed;
    if (end !== null) {
      clock.after(end, () => {
        if (runs()) this.exit(container, { code: early === null ? exitCode : 1, signal: null });
      });
    }
    if (readyAfterMs === null || readyAfterMs === 0) return;
    clock.after(readyAfterMs, () => {
      if (runs()) disturb((model) => signalReady(model, container));
    });
  }
}
