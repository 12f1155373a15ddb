import type { ConsumerLife } from './consumer-life.ts';

/** Targets of one container that were refused: tells when one might be had. */
export class RefusedTargets {
  readonly #ends = new Map<string, () => void>();
  readonly #changed: (target: string) => void;

  /** `changed` is told once of each. */
  constructor(changed: (target: string) => void) {
    this.#changed = changed;
  }

  get size(): number {
    return this.#ends.size;
  }

  /** Follows the names on the way to it. Throws SystemCallError, NoContainer. */
  add(life: ConsumerLife, target: string): void {
    this.end(target);
    const end = life.whenWayChanges(target, () => this.#tell(target));
    this.#ends.set(target, end);
  }

  /** Something else has changed: each may be had now. */
  tellAll(): void {
    for (const target of [...this.#ends.keys()]) this.#tell(target);
  }

  /** Follows it no more. */
  end(target: string): void {
    this.#ends.get(target)?.();
    this.#ends.delete(target);
  }

  endAll(): void {
    for (const target of [...this.#ends.keys()]) this.end(target);
  }

  #tell(target: string): void {
    this.end(target);
    this.#changed(target);
  }
}
