import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../linux/message-of.ts';
import { Turns } from '../linux/turns.ts';
import { ProxyError } from '../proxy/proxy.ts';

interface Named {
  readonly name: string;
}

/** A process of ours that serves fronts of links, as far as this is about. */
export interface FrontServer<Front extends Named> {
  serve(fronts: readonly Front[]): Promise<void>;
  /** What it serves; null: it does not run. */
  served(): Promise<readonly Front[] | null>;
}

interface Waiting {
  readonly name: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * What one process is to serve for links. Changes that come while it is told others are told together, and one that can't be served keeps no other from
 * being so.
 */
export class ServedFronts<Front extends Named> {
  readonly #server: () => Promise<FrontServer<Front>>;
  readonly #wanted = new Map<string, Front>();
  readonly #turns = new Turns();
  #waiting: Waiting[] = [];
  /** As it was last told, or said; null: it is to be told whatever it serves. */
  #told: ReadonlyMap<string, Front> | null = null;
  /** Why it does not serve what it was told; null: it does, as far as is known. */
  #silence: string | null = null;

  /** The server is asked for when there is something to serve, or was. */
  constructor(server: () => Promise<FrontServer<Front>>) {
    this.#server = server;
  }

  /** What an earlier controller had it serve. Whether it does is for `check` to find out. */
  adopt(fronts: readonly Front[]): void {
    for (const front of fronts) this.#wanted.set(front.name, front);
  }

  /** It is served so when it resolves. Rejects where it can't be: then whatever it was before goes on. */
  put(front: Front): Promise<void> {
    const before = this.#wanted.get(front.name);
    const isServed = isDeepStrictEqual(this.#told?.get(front.name), front) && this.#silence === null;
    if (isServed && isDeepStrictEqual(before, front)) return Promise.resolve();
    this.#wanted.set(front.name, front);
    return this.#flushed(front.name).catch((error: unknown) => {
      if (this.#wanted.get(front.name) === front) {
        if (before === undefined) this.#wanted.delete(front.name);
        else this.#wanted.set(front.name, before);
      }
      throw error;
    });
  }

  /** It is served no more when it resolves, and its connections are ended. Where it is not known what is served, the process is told. */
  drop(name: string): Promise<void> {
    const wasWanted = this.#wanted.delete(name);
    return wasWanted || this.#told === null || this.#told.has(name) ? this.#flushed(name) : Promise.resolve();
  }

  /** Asks the process what it serves. What it does not serve as it should, `problemOf` tells from now on. */
  async check(): Promise<void> {
    if (this.#wanted.size === 0) return;
    await this.#turns.next(async () => {
      try {
        const served = await (await this.#server()).served();
        this.#silence = served === null ? 'the process that carries it does not run' : null;
        this.#told = new Map((served ?? []).map((front) => [front.name, front]));
      } catch (error) {
        this.#silence = `what carries it can't be asked: ${messageOf(error)}`;
        this.#told = null;
      }
    });
  }

  /** Why a front is not served as it should be, in words; null: it is. */
  problemOf(front: Front): string | null {
    if (this.#silence !== null) return this.#silence;
    // Nothing is known before it was asked.
    if (this.#told === null) return null;
    const told = this.#told.get(front.name);
    if (told === undefined) return 'the process that carries it does not know it';
    return isDeepStrictEqual(told, front) ? null : 'the process that carries it serves it otherwise';
  }

  #flushed(name: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ name, resolve, reject });
    if (this.#waiting.length === 1) void this.#turns.next(() => this.#flush());
    return promise;
  }

  /** Never rejects: what goes wrong is told to those whom it concerns. */
  async #flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    const fronts = new Map(this.#wanted);
    const failures = new Map<string, unknown>();
    try {
      const server = await this.#server();
      await this.#serve(server, fronts, failures);
      this.#told = fronts;
      this.#silence = null;
    } catch (error) {
      this.#told = null;
      this.#silence = `what carries it did not take it: ${messageOf(error)}`;
      for (const { reject } of waiting) reject(error);
      return;
    }
    for (const { name, resolve, reject } of waiting) {
      if (failures.has(name)) reject(failures.get(name));
      else resolve();
    }
  }

  /** Those that it is told can't be served are, one by one, served as they were before, or left out where that can't be had either. */
  async #serve(
    server: FrontServer<Front>,
    fronts: Map<string, Front>,
    failures: Map<string, unknown>,
  ): Promise<void> {
    for (;;) {
      try {
        return await server.serve([...fronts.values()]);
      } catch (error) {
        const name = error instanceof ProxyError ? error.listener : null;
        const refused = name === null ? undefined : fronts.get(name);
        if (name === null || refused === undefined) throw error;
        failures.set(name, error);
        const before = this.#told?.get(name);
        if (before === undefined || isDeepStrictEqual(before, refused)) fronts.delete(name);
        else fronts.set(name, before);
      }
    }
  }
}
