import type { Engine } from '../engine.ts';
import { recordingLimitBytes, unwrittenRecordingBytes } from '../options.ts';
import { tellsOfSurroundings } from '../start-error.ts';
import { type RecordedInput, type RunHeader, runHeader, stepsOf } from './recording.ts';
import { openRecordingFile, type RecordingFile } from './recording-file.ts';

export interface RecorderOptions {
  readonly file: RecordingFile;
  /** Called once when recording ends by itself, with the reason. What was recorded until then is whole. */
  readonly onEnd: (reason: string) => void;
  /** The size at which recording ends. */
  readonly limitBytes?: number;
  /** How much may wait for the disk before recording ends. */
  readonly unwrittenBytes?: number;
}

/**
 * Writes a run to a file, behind what is there. It is a bystander: an input is put into words after all effects of its
 * burst are under way, and is written while control goes on. Whatever goes wrong here ends the recording and nothing
 * else. A controller that is killed loses at most what it learned within the last write.
 */
export class Recorder {
  readonly #file: RecordingFile;
  readonly #onEnd: (reason: string) => void;
  readonly #limitBytes: number;
  readonly #unwrittenBytes: number;
  /** Not in words yet. */
  #lines: (RunHeader | RecordedInput)[] = [];
  /** In words, and behind what is being written. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #inFlight: Buffer | null = null;
  /** Where `#inFlight` is written to, and everything before it is on its way to the disk. */
  #position: number;
  #writing: Promise<void> | null = null;
  #ended = false;

  constructor(header: RunHeader, options: RecorderOptions) {
    this.#file = options.file;
    this.#onEnd = options.onEnd;
    this.#limitBytes = options.limitBytes ?? recordingLimitBytes;
    this.#unwrittenBytes = options.unwrittenBytes ?? unwrittenRecordingBytes;
    this.#position = options.file.size;
    this.#take(header);
  }

  /** Takes in one input with what came of it. Never throws, never waits. */
  record(line: RecordedInput): void {
    this.#take(line);
  }

  /** Resolves when everything is on disk and the file is let go of. Never rejects. */
  async close(): Promise<void> {
    this.#word();
    await this.#writing;
    if (this.#ended) return;
    this.#ended = true;
    await this.#file.close().catch((error: unknown) => this.#onEnd(messageOf(error)));
  }

  /** Writes what is not written yet before it returns: for a process that is dying of a mistake. Never throws. */
  rescue(): void {
    this.#word();
    if (this.#ended) return;
    try {
      // What is in flight is written a second time to the same place: nobody knows how far it got.
      this.#file.writeNow(
        Buffer.concat([this.#inFlight ?? Buffer.alloc(0), ...this.#waiting]),
        this.#position,
      );
    } catch (error) {
      this.#onEnd(messageOf(error));
    }
    this.#ended = true;
  }

  #take(line: RunHeader | RecordedInput): void {
    if (this.#ended) return;
    this.#lines.push(line);
    if (this.#lines.length === 1) queueMicrotask(() => this.#word());
  }

  /** Puts what was taken in into words, and sees to it that it is written. */
  #word(): void {
    if (this.#ended || this.#lines.length === 0) return;
    try {
      this.#enqueue(Buffer.from(this.#lines.map((line) => `${JSON.stringify(line)}\n`).join('')));
    } catch (error) {
      // A burst that is longer than the longest text there can be.
      this.#end(messageOf(error));
    }
    this.#lines = [];
  }

  #enqueue(bytes: Buffer): void {
    const waiting = this.#waitingBytes + bytes.length;
    if (this.#position + (this.#inFlight?.length ?? 0) + waiting > this.#limitBytes)
      return this.#end(`it would grow past ${this.#limitBytes} bytes`);
    if (waiting > this.#unwrittenBytes && this.#inFlight !== null)
      return this.#end(`the disk is too slow: ${waiting} bytes wait for it`);
    this.#waiting.push(bytes);
    this.#waitingBytes = waiting;
    this.#writing ??= this.#writeOut();
  }

  async #writeOut(): Promise<void> {
    while (this.#waiting.length > 0) {
      this.#inFlight = Buffer.concat(this.#waiting);
      this.#waiting = [];
      this.#waitingBytes = 0;
      try {
        await this.#file.write(this.#inFlight, this.#position);
      } catch (error) {
        if (!this.#ended) this.#end(messageOf(error));
        break;
      }
      this.#position += this.#inFlight.length;
      this.#inFlight = null;
    }
    if (this.#ended) await this.#letGo();
    this.#writing = null;
  }

  /** Nothing more is taken in. What waits is dropped, so that the file ends with a whole line. */
  #end(reason: string): void {
    this.#ended = true;
    this.#waiting = [];
    this.#onEnd(reason);
    if (this.#writing === null) this.#writing = this.#letGo();
  }

  /** A write that failed has left a torn line: it is cut off. */
  async #letGo(): Promise<void> {
    try {
      if (this.#inFlight !== null) await this.#file.truncate(this.#position);
    } catch (error) {
      this.#onEnd(`the torn line at its end stays: ${messageOf(error)}`);
    } finally {
      await this.#file.close().catch((error: unknown) => this.#onEnd(messageOf(error)));
    }
  }
}

/** A running recording, as the composition root holds it. */
export interface Recording {
  /** The engine, with every input of it recorded. */
  of(engine: Pick<Engine, 'next'>): Pick<Engine, 'next'>;
  /** Resolves when everything is on disk and the file is let go of. Never rejects. */
  close(): Promise<void>;
}

/**
 * Begins to record a run to the file at `path`. `onEnd` is told when recording ends by itself. Null, and `onEnd` told,
 * where there is no space to begin; rejects when the file cannot be had for any other reason. Should the process die of an
 * uncaught error, what led there is written first.
 */
export async function record(
  path: string,
  run: Parameters<typeof runHeader>[0],
  onEnd: (reason: string) => void,
): Promise<Recording | null> {
  const file = await openUnlessFull(path, onEnd);
  if (file === null) return null;
  const recorder = new Recorder(runHeader(run), { file, onEnd });
  const rescue = () => recorder.rescue();
  process.once('uncaughtExceptionMonitor', rescue);
  return {
    of: (engine) => recorded(engine, recorder),
    close: () => {
      process.off('uncaughtExceptionMonitor', rescue);
      return recorder.close();
    },
  };
}

async function openUnlessFull(path: string, onEnd: (reason: string) => void): Promise<RecordingFile | null> {
  try {
    return await openRecordingFile(path);
  } catch (error) {
    if (!tellsOfSurroundings(error) || !['ENOSPC', 'EDQUOT'].includes(error.code)) throw error;
    onEnd(error.message);
    return null;
  }
}

/** An engine of which every input is recorded, with its steps, or with what it threw. */
export function recorded(engine: Pick<Engine, 'next'>, recorder: Recorder): Pick<Engine, 'next'> {
  return {
    next: (input) => {
      try {
        const effects = engine.next(input);
        recorder.record({ input, steps: stepsOf(effects) });
        return effects;
      } catch (error) {
        recorder.record({ input, steps: [], failed: messageOf(error) });
        throw error;
      }
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
