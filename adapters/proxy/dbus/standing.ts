import { bus } from './message.ts';
import { isUniqueName } from './names.ts';

/**
 * What a session with a granted name or interface knows of its bus. The one word of a link (`org.example.Thing`) is read as a **name** as soon as
 * the bus has had an owner for it, or could start one, and for good; and as an **interface** as long as it has not. As a name it stands for its
 * owner and that one's interfaces of this name and below it (`org.example.Thing.Part`); as an interface for exactly that, at whoever has it.
 */
export class Standing {
  readonly granted: string;
  /** The unique name of this session; null: it has none yet. */
  self: string | null = null;
  #owner: string | null = null;
  /** Who owned the name before: it may be asked for, and its end be told, but it is not called any more. */
  #former: string | null = null;
  readonly #names: Set<string>;

  /** `names`: all that were ever seen to be names at this bus, by whichever session. */
  constructor(granted: string, names: Set<string>) {
    this.granted = granted;
    this.#names = names;
  }

  get owner(): string | null {
    return this.#owner;
  }

  get isName(): boolean {
    return this.#names.has(this.granted);
  }

  /** This session is what the others call by the granted name. */
  get isOwner(): boolean {
    return this.#owner !== null && this.#owner === this.self;
  }

  ownedBy(owner: string | null): void {
    if (this.#owner !== null) this.#former = this.#owner;
    this.#owner = owner;
    if (owner !== null) this.#names.add(this.granted);
  }

  /** The bus could start it. */
  canBeStarted(): void {
    this.#names.add(this.granted);
  }

  /** A peer that stands for the granted name. */
  isGrantedPeer(name: string): boolean {
    return name === this.granted || name === this.#owner;
  }

  /** An interface that may be called at such a peer, and whose signals arrive from it. */
  covers(name: string): boolean {
    return name === this.granted || name.startsWith(`${this.granted}.`);
  }

  /**
   * A name that may be asked for, and whose changes are told. Whoever answers calls has to know of callers, who have unique names alone; where an
   * interface is granted at whoever has it, no name is hidden.
   */
  isVisible(name: string): boolean {
    if (!this.isName || name === bus.name || name === this.self) return true;
    return this.isGrantedPeer(name) || name === this.#former || (this.isOwner && isUniqueName(name));
  }
}
