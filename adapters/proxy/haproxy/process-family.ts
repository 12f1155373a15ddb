import { existsSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { After } from '../../linux/network-monitor.ts';
import type { ProcessIdentity } from '../../linux/process-identity.ts';
import { readIfThere } from '../../linux/read-if-there.ts';
import { SupervisedProcess } from '../supervised-process.ts';
import { answerTo, Conversation, isAbsence } from './command-socket.ts';
import { untilFound } from './patience.ts';
import {
  type Counts,
  countQuestion,
  hasTaken,
  type MasterReport,
  readCounts,
  readMasterReport,
  readWorkerReport,
  type WorkerReport,
} from './process-reports.ts';
import { servedQuestion } from './route-map.ts';

/** What a master takes to end its workers, which do not wait for their connections then. */
const endMs = 2000;

/** Paths that processes know. */
export interface ProcessFiles {
  readonly directory: string;
  /** What they read; by it they are found. */
  readonly configuration: string;
  readonly routes: string;
}

/** A process of HAProxy that has ended, or that can't serve what it was given; what it said is in its log. */
export class NotServing extends Error {
  override readonly name = 'NotServing';
}

/** What `work` comes to; `otherwise` where HAProxy ends meanwhile. */
export async function unlessEnded<Result, Otherwise>(
  otherwise: Otherwise,
  work: () => Promise<Result>,
): Promise<Result | Otherwise> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof NotServing) return otherwise;
    throw error;
  }
}

/**
 * The processes of one HAProxy (management.txt, 4): a master, which starts anew from its configuration when it is told to; the worker, which
 * serves; and earlier workers, which drain: they keep the connections that they have, and end with the last one.
 */
export class ProcessFamily {
  readonly #directory: string;
  readonly #servedQuestion: string;
  readonly #after: After;
  readonly #supervised: SupervisedProcess;
  /** Unix socket on which the master takes commands. */
  readonly masterSocket: string;
  /** Unix socket on which the worker takes commands; one that drains takes none there. */
  readonly workerSocket: string;

  constructor(files: ProcessFiles, after: After) {
    const { directory, configuration, routes } = files;
    this.#directory = directory;
    this.#servedQuestion = servedQuestion(routes);
    this.#after = after;
    this.#supervised = new SupervisedProcess({ directory, mark: configuration, after });
    this.masterSocket = join(directory, 'master');
    this.workerSocket = join(directory, 'worker');
  }

  /** The master; null: nothing runs. Where our directory is not there, nothing was ever started. */
  running(): ProcessIdentity | null {
    return existsSync(this.#directory) ? this.#supervised.find() : null;
  }

  /** Runs `words`, which become a master; those of a former one have to be ended before. */
  start(words: readonly string[]): Promise<ProcessIdentity> {
    return this.#supervised.start(words);
  }

  /** Ends all of them, also those that a killed master has left. */
  end(): Promise<void> {
    return this.#supervised.end(endMs);
  }

  /**
   * Tells the master to read its configuration anew (management.txt, 3.1, SIGUSR2). What it then says is all that is in the log. Rejects as
   * `worker` does.
   */
  async startAnew(master: ProcessIdentity): Promise<void> {
    // One that is still becoming the next one loses a signal; one that answers does not.
    await this.master();
    truncateSync(this.#supervised.log);
    process.kill(master.pid, 'SIGUSR2');
  }

  /** All that was said since. */
  log(): string {
    return readIfThere(this.#supervised.log) ?? '';
  }

  /**
   * Resolves once another worker than `former` serves what has this digest. Rejects with NotServing where none will. Until the
   * master says that there is another, nobody is asked: who answers takes time from the one that comes.
   */
  async untilServes(digest: string, former: number | null): Promise<void> {
    await untilFound(this.#after, 'a process that serves its configuration', async () => {
      const log = this.log();
      if (log.includes('Loading failure!')) throw new NotServing('HAProxy could not start anew');
      if (this.running() === null) throw new NotServing('HAProxy has ended');
      const report = /New worker \(\d+\) forked/.test(log)
        ? await this.#present(() => this.#askWorker())
        : null;
      return report !== null && report.pid !== former && hasTaken(report, digest) ? report : null;
    });
  }

  /** The worker. Rejects with NotServing where the master has ended. */
  worker(): Promise<WorkerReport> {
    return untilFound(this.#after, 'an answer of the process that serves', () =>
      this.#present(() => this.#askWorker()),
    );
  }

  /** The master. Rejects as `worker` does. */
  master(): Promise<MasterReport> {
    return untilFound(this.#after, 'an answer of the master', () =>
      this.#present(async () => readMasterReport(await answerTo(this.masterSocket, 'show proc'))),
    );
  }

  /** Talks to the worker; to be ended by the caller. Rejects as `worker` does. */
  async converse(): Promise<Conversation> {
    return untilFound(this.#after, 'a conversation with the process that serves', () =>
      this.#present(() => Conversation.open(this.workerSocket)),
    );
  }

  /** What the worker of a conversation says of itself; null: it has ended. */
  async reportOf(conversation: Conversation): Promise<WorkerReport | null> {
    const answers = await conversation.askAll(['show info', this.#servedQuestion]);
    return answers === null ? null : readWorkerReport(answers.join('\n'));
  }

  /** Resolves once the worker of a conversation drains, or has ended: no new connection is its own any more. */
  async untilDrains(conversation: Conversation): Promise<void> {
    await untilFound(this.#after, 'the end of the former process', async () => {
      const answer = await conversation.ask('show info');
      return answer === null || readWorkerReport(answer)?.isDraining === true ? true : null;
    });
  }

  /** Has the worker do something. Rejects as `worker` does. */
  tell(command: string): Promise<string> {
    return untilFound(this.#after, 'an answer of the process that serves', () =>
      this.#present(() => answerTo(this.workerSocket, command)),
    );
  }

  /** Asks a worker that drains. Where it has ended, the answer says so in words. */
  askDraining(pid: number, command: string): Promise<string> {
    return untilFound(this.#after, `an answer of process ${pid}, which drains,`, () =>
      this.#present(() => answerTo(this.masterSocket, `@!${pid} ${command}`)),
    );
  }

  /** What the worker has carried, by section. */
  async counts(): Promise<Counts> {
    return untilFound(this.#after, 'what the process that serves has counted', () =>
      this.#present(async () => readCounts(await answerTo(this.workerSocket, countQuestion))),
    );
  }

  async drainingCounts(pid: number): Promise<Counts> {
    return readCounts(await this.askDraining(pid, countQuestion));
  }

  async countsOf(conversation: Conversation): Promise<Counts> {
    return readCounts((await conversation.ask(countQuestion)) ?? '');
  }

  async #askWorker(): Promise<WorkerReport | null> {
    return readWorkerReport(await answerTo(this.workerSocket, `show info;${this.#servedQuestion}`));
  }

  /** Null while nobody is there to answer, which may come. */
  async #present<Answer>(ask: () => Promise<Answer | null>): Promise<Answer | null> {
    try {
      return await ask();
    } catch (error) {
      if (!isAbsence(error)) throw error;
      if (this.running() === null) throw new NotServing('HAProxy has ended', { cause: error });
      return null;
    }
  }
}
