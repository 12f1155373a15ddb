import { concatMap, debounce, filter, finalize, from, Observable, Subject, startWith } from 'rxjs';
import type { Finding } from '../../state/finding.ts';
import { digestOf } from '../../state/json.ts';
import type { Clock } from '../clock.ts';
import { PathWatch } from './path-watch.ts';
import { type ReadOptions, readSource } from './read-source.ts';
import type { Source } from './source.ts';
import { fileFinding } from './source-problem.ts';

/** How a source is watched. */
export interface WatchOptions extends Pick<ReadOptions, 'temporaryDirectory'> {
  readonly clock: Clock;
  /**
   * Milliseconds without any change after which a source counts as completely written. A source that changes all the
   * time is never read: half a revision is worse than a late one. 300 unless given: longer than copying tools
   * pause, shorter than people wait.
   */
  readonly quietMs?: number;
}

const defaultQuietMs = 300;

/**
 * The source at `path`: as it is at once, then again whenever it is at rest after a change and reads differently. Nothing is polled.
 * What cannot be read comes as a source with findings, also a source that is not there (yet); the stream does
 * not end and has no errors. Whoever takes a source closes it.
 */
export function watchSource(path: string, options: WatchOptions): Observable<Source> {
  return new Observable((subscriber) => {
    const changes = new Subject<void>();
    const reading = new SourceReading(path, options, changes);
    return changes
      .pipe(
        debounce(() => quiet(options.clock, options.quietMs ?? defaultQuietMs)),
        startWith(undefined),
        concatMap(() => from(reading.next())),
        filter((source) => source !== null),
        finalize(() => reading.close()),
      )
      .subscribe(subscriber);
  });
}

/** Emits once, `delayMs` after it was subscribed to. */
function quiet(clock: Clock, delayMs: number): Observable<void> {
  return new Observable((subscriber) => clock.after(delayMs, () => subscriber.next()));
}

class SourceReading {
  readonly #path: string;
  readonly #options: WatchOptions;
  readonly #changes: Subject<void>;
  readonly #watch: PathWatch;
  #fingerprint: string | null = null;
  /** Something has changed since the last reading began. */
  #stale = true;
  #closed = false;

  constructor(path: string, options: WatchOptions, changes: Subject<void>) {
    this.#path = path;
    this.#options = options;
    this.#changes = changes;
    this.#watch = new PathWatch(path, () => this.#change());
  }

  /** The source, when it is at rest and differs from the one before; else null. */
  async next(): Promise<Source | null> {
    if (!this.#stale) return null;
    this.#stale = false;
    const grown = await this.#watch.renew();
    if (this.#closed) return null;
    if (grown && this.#fingerprint !== null) {
      // New directories were not watched while they may have been written to: one more time of quiet.
      this.#change();
      return null;
    }
    const source = this.#withWatchProblem(await readSource(this.#path, this.#options));
    const fingerprint = fingerprintOf(source);
    if (this.#closed || fingerprint === this.#fingerprint) {
      await source.close();
      return null;
    }
    this.#fingerprint = fingerprint;
    return source;
  }

  close(): void {
    this.#closed = true;
    this.#watch.close();
  }

  #change(): void {
    this.#stale = true;
    this.#changes.next();
  }

  #withWatchProblem(source: Source): Source {
    const problem = this.#watch.problem;
    return problem === null
      ? source
      : { ...source, findings: [...source.findings, unwatched(this.#path, problem)] };
  }
}

function fingerprintOf({ state, objects, findings }: Source): string {
  return digestOf({ state, objects: [...objects.keys()].sort(), findings });
}

function unwatched(file: string, problem: string): Finding {
  return fileFinding(
    { file },
    {
      code: 'SourceNotWatched',
      found: problem,
      expected: 'to be told when something changes there',
      hint: 'raise fs.inotify.max_user_watches, or apply changes by hand',
    },
  );
}
