import { emptyHost, type HostModel } from '../../../adapters/memory/host.ts';
import { type FaultInjection, MemoryAdapter } from '../../../adapters/memory/memory-adapter.ts';
import { defaultEngineOptions, Engine } from '../../../controller/engine.ts';
import { type RecordingLine, recordingLines } from '../../../controller/recording/read-recording.ts';
import { Recorder, recorded } from '../../../controller/recording/recorder.ts';
import { type RunHeader, runHeader } from '../../../controller/recording/recording.ts';
import type { RecordingFile } from '../../../controller/recording/recording-file.ts';
import { nothingKept, type StartConditions, storeOf } from '../../../controller/restore.ts';
import { Runner } from '../../../controller/runner.ts';
import type { FlatState } from '../../../state/revision.ts';
import { VirtualClock } from '../virtual-clock.ts';

/** A file in memory; `room` is what the disk has left of bytes in all. */
export class MemoryFile implements RecordingFile {
  readonly size: number;
  content: Buffer;
  room: number;
  closed = 0;

  constructor(text = '', room = Number.POSITIVE_INFINITY) {
    this.content = Buffer.from(text);
    this.size = this.content.length;
    this.room = room;
  }

  get text(): string {
    return this.content.toString();
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    await null;
    this.writeNow(bytes, position);
  }

  writeNow(bytes: Uint8Array, position: number): void {
    const fitting = bytes.subarray(0, Math.max(0, this.room - position));
    this.content = Buffer.concat([this.content.subarray(0, position), fitting]);
    if (fitting.length < bytes.length) throw new Error('ENOSPC: no space left on device, write');
  }

  async truncate(size: number): Promise<void> {
    this.content = this.content.subarray(0, size);
  }

  async close(): Promise<void> {
    this.closed += 1;
  }
}

export function headerOf(conditions: StartConditions = nothingKept): RunHeader {
  return runHeader({ holdfast: '0.0.0', adapter: 'memory', options: defaultEngineOptions, ...conditions });
}

export interface RecordedDeviceOptions {
  readonly file: RecordingFile;
  readonly host?: HostModel;
  readonly clock?: VirtualClock;
  readonly conditions?: StartConditions;
  readonly fault?: FaultInjection;
  readonly onEnd?: (reason: string) => void;
}

/** A controller in virtual time on a modelled host, recorded as a real one is. */
export class RecordedDevice {
  readonly clock: VirtualClock;
  readonly host: HostModel;
  readonly adapter: MemoryAdapter;
  readonly engine: Engine;
  readonly runner: Runner;
  readonly recorder: Recorder;

  constructor({ file, host, clock, conditions = nothingKept, fault, onEnd }: RecordedDeviceOptions) {
    this.clock = clock ?? new VirtualClock();
    this.host = host ?? emptyHost();
    this.engine = new Engine(storeOf(conditions), conditions, defaultEngineOptions);
    this.recorder = new Recorder(headerOf(conditions), { file, onEnd: onEnd ?? (() => undefined) });
    this.adapter = new MemoryAdapter({ host: this.host, ...(fault === undefined ? {} : { fault }) });
    const engine = recorded(this.engine, this.recorder);
    this.runner = new Runner({ engine, adapter: this.adapter, clock: this.clock, persist: () => undefined });
  }

  async start(): Promise<void> {
    this.runner.start();
    await this.settle();
  }

  async apply(state: FlatState): Promise<void> {
    const answer = await this.runner.submit({
      change: { type: 'replace', state },
      facts: { texts: {}, missing: [] },
      source: 'test',
      message: null,
      commitAfterMs: null,
      unconditional: false,
    });
    if (!answer.accepted) throw new Error(`refused: ${JSON.stringify(answer.findings)}`);
    await this.settle();
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets `ms` pass, with everything that happens meanwhile. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    while (this.clock.step(end - this.clock.now())) await this.settle();
    await this.settle();
  }

  async stop(): Promise<void> {
    await this.runner.stop();
    await this.recorder.close();
  }
}

/** The lines of a recording that is at hand as text, in chunks of `chunkBytes`. */
export function linesOf(text: string, chunkBytes = 1000): AsyncGenerator<RecordingLine> {
  const bytes = Buffer.from(text);
  const chunks = async function* () {
    for (let start = 0; start < bytes.length; start += chunkBytes)
      yield bytes.subarray(start, start + chunkBytes);
  };
  return recordingLines(chunks());
}
