import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Logger, pino } from 'pino';
import {
  catchError,
  concatMap,
  defer,
  EMPTY,
  filter,
  firstValueFrom,
  fromEvent,
  merge,
  Observable,
  race,
  type Subscription,
} from 'rxjs';
import type { Adapter } from '../adapters/adapter.ts';
import { closeInheritedDescriptors } from '../adapters/linux/inherited-descriptors.ts';
import packageJson from '../package.json' with { type: 'json' };
import type { ObservedResource } from '../state/resource.ts';
import type { StateChange } from '../state/revision.ts';
import type { EventRecord } from '../state/status.ts';
import type { PlanOutcome } from './api/contract.ts';
import type { ApiServer } from './api/server.ts';
import { type Clock, systemClock } from './clock.ts';
import { Database } from './database.ts';
import { planOf, type Standing } from './dry-run.ts';
import { defaultEngineOptions, Engine, type EngineOptions } from './engine.ts';
import { EventLog } from './event-log.ts';
import { gatherFacts } from './facts.ts';
import { foreseenConflicts } from './foreseen-failure.ts';
import type { Fact } from './input.ts';
import { keepEvents } from './keep-events.ts';
import { objectFiles } from './object-files.ts';
import { ObjectStore } from './objects.ts';
import {
  type DirectPlanOptions,
  firstLookMs,
  keptEvents,
  type RunOptions,
  unreadLogBytes,
} from './options.ts';
import { ensurePrivateDirectory } from './private-directory.ts';
import type { Recording } from './recording/recorder.ts';
import { type StartConditions, startConditions, storeOf } from './restore.ts';
import { Runner } from './runner.ts';
import { Service } from './service.ts';
import type { ObjectOrigin, Source } from './source/source.ts';
import { StartError } from './start-error.ts';
import { World } from './world.ts';

/** An adapter, and why this one. */
interface Choice {
  readonly adapter: Adapter;
  readonly reason: string;
}

type ObjectPath = (sha256: string) => string;

/** What an adapter is made with. */
type Wish = Pick<RunOptions, 'root' | 'adapter'> & Partial<Pick<RunOptions, 'proxy' | 'serve'>>;

async function lxcAdapter({ root, proxy }: Wish, objects: ObjectPath, clock: Clock): Promise<Adapter> {
  const { createLxcAdapter } = await import('../adapters/lxc/lxc-adapter.ts');
  const after = (delayMs: number, fire: () => void) => clock.after(delayMs, fire);
  return createLxcAdapter({ root, objects, after, ...(proxy === undefined ? {} : { proxy }) });
}

/** With `serve`, its listeners are real, and something answers behind them. */
async function memoryAdapter({ root, proxy = 'auto', serve }: Wish, clock: Clock): Promise<Adapter> {
  if (serve !== true) {
    const { MemoryAdapter } = await import('../adapters/memory/memory-adapter.ts');
    return new MemoryAdapter();
  }
  const { servingMemoryAdapter } = await import('../adapters/memory/serve.ts');
  const { chosenProxy } = await import('../adapters/proxy/chosen-proxy.ts');
  const after = (delayMs: number, fire: () => void) => clock.after(delayMs, fire);
  // HAProxy may be installed and yet not run without root: what is for every laptop is the one that comes with us.
  const choice = proxy === 'auto' ? 'builtin' : proxy;
  return servingMemoryAdapter({ root, proxy: () => chosenProxy({ choice, root, after }), after });
}

/** `auto`: LXC where this process is root and LXC is installed, else memory. */
async function chooseAdapter(wish: Wish, objects: ObjectPath, clock: Clock): Promise<Choice> {
  const { findProgram } = await import('../adapters/linux/command.ts');
  const { adapter } = wish;
  const isRoot = process.geteuid?.() === 0;
  const lacks =
    findProgram('lxc-start') === null ? 'LXC is not installed' : isRoot ? null : 'this is not root';
  if (adapter === 'lxc' && lacks !== null) {
    throw new StartError(
      `--adapter lxc needs root and LXC: ${lacks}; install the package lxc, and run as root`,
    );
  }
  if (adapter === 'lxc') return { adapter: await lxcAdapter(wish, objects, clock), reason: 'asked for' };
  if (adapter === 'memory') return { adapter: await memoryAdapter(wish, clock), reason: 'asked for' };
  if (lacks === null)
    return { adapter: await lxcAdapter(wish, objects, clock), reason: 'root, and LXC is installed' };
  return { adapter: await memoryAdapter(wish, clock), reason: `${lacks}: nothing real is started` };
}

/** Everything that a running controller is made of, in the order in which it is made. */
interface Controller {
  readonly database: Database;
  readonly objects: ObjectStore;
  readonly runner: Runner;
  readonly service: Service;
  readonly recording: Recording | null;
  /** Writes the events that are not written yet. */
  readonly endEvents: () => void;
}

/** What a run is recorded with. */
interface Run {
  readonly adapter: string;
  readonly engineOptions: EngineOptions;
  readonly conditions: StartConditions;
}

/** Null where nobody asked for a recording, or there is no space for one: that alone keeps no controller from starting. */
async function startRecording(
  { record }: RunOptions,
  { adapter, engineOptions, conditions }: Run,
  logger: Logger,
): Promise<Recording | null> {
  if (record === undefined) return null;
  const { record: begin } = await import('./recording/recorder.ts');
  const run = { holdfast: packageJson.version, adapter, options: engineOptions, ...conditions };
  return begin(record, run, (reason) =>
    logger.warn({ file: record, reason }, 'recording ended; control goes on'),
  );
}

/** Before anything is made: what this version can't do leaves nothing behind. */
function refuseDocker({ adapter }: DirectPlanOptions): void {
  if (adapter !== 'docker') return;
  throw new StartError(
    "found --adapter docker, expected auto, lxc or memory: this version can't drive Docker yet",
  );
}

/** Boots the device (ROLL-8); null: nobody said how. */
function rebooting({ rebootCommand }: RunOptions): (() => Promise<void>) | null {
  if (rebootCommand === undefined) return null;
  return async () => {
    const { run } = await import('../adapters/linux/command.ts');
    await run(rebootCommand);
  };
}

async function compose(options: RunOptions, clock: Clock, logger: Logger): Promise<Controller> {
  refuseDocker(options);
  await ensurePrivateDirectory(options.root);
  const objects = await ObjectStore.open(join(options.root, 'objects'));
  const database = Database.open(join(options.root, 'holdfast.db'));
  const kept = database.load();
  const conditions = await startConditions(kept, objects);
  const store = storeOf(conditions);
  const { adapter, reason } = await chooseAdapter(options, (sha256) => objects.path(sha256), clock);
  logger.info({ adapter: adapter.name, reason, revision: kept?.revision ?? 0 }, 'adapter chosen');
  const { commitAfterSeconds = defaultEngineOptions.commitAfterMs / 1000 } = options;
  const commitAfterMs = commitAfterSeconds * 1000;
  const reboots = options.rebootCommand !== undefined;
  const engineOptions = { ...defaultEngineOptions, seed: options.root, commitAfterMs, reboots };
  const engine = new Engine(store, conditions, engineOptions);
  const recording = await startRecording(
    options,
    { adapter: adapter.name, engineOptions, conditions },
    logger,
  );
  const persist = (fact: Fact) => database.persist(fact);
  const reboot = rebooting(options);
  const runner = new Runner({
    engine: recording?.of(engine) ?? engine,
    adapter,
    clock,
    persist,
    ...(reboot === null ? {} : { reboot }),
  });
  const events = new EventLog(keptEvents, database.events());
  runner.events.subscribe((event) => {
    events.add(event);
    logEvent(logger, event);
  });
  const endEvents = keepEvents(runner.events, database, clock, (error) =>
    logger.warn({ err: error }, 'events could not be kept; control goes on'),
  );
  collectObjects(runner, { database, objects, clock }, logger);
  const service = new Service({
    adapter: adapter.name,
    engine,
    runner,
    store,
    objects,
    events,
    log: database,
    traffic: () => adapter.traffic(),
  });
  return { database, objects, runner, service, recording, endEvents };
}

/** What no kept revision names any more goes, each time one has been committed. */
function collectObjects(
  runner: Runner,
  { database, objects, clock }: { database: Database; objects: ObjectStore; clock: Clock },
  logger: Logger,
): void {
  runner.events
    .pipe(
      filter(({ reason }) => reason === 'RevisionDone'),
      concatMap(() =>
        defer(() => objects.collect(database.keptObjects(), clock.now())).pipe(
          catchError((error: unknown) => {
            logger.warn({ err: error }, 'objects could not be collected; tried again with the next revision');
            return EMPTY;
          }),
        ),
      ),
    )
    .subscribe((gone) => {
      if (gone.length > 0) logger.info({ count: gone.length }, 'objects of forgotten revisions removed');
    });
}

function logEvent(logger: Logger, { severity, reason, key, message, sequence, cause }: EventRecord): void {
  const fields = { sequence, reason, key, cause };
  if (severity === 'warning') logger.warn(fields, message);
  else logger.info(fields, message);
}

/** What following a source needs besides the controller. */
interface Surroundings {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly root: string;
}

/** One state of the watched source: its objects are taken in, then it is applied. What is wrong with it is logged. */
async function applySource(source: Source, { objects, service }: Controller, logger: Logger): Promise<void> {
  try {
    const unread = source.findings.filter((finding) => finding.severity === 'error');
    for (const finding of source.findings) logger.warn({ finding }, finding.message);
    if (unread.length > 0) return;
    for (const [sha256, origin] of source.objects) await objects.importFile(sha256, origin.path);
    const { findings, phase } = await service.apply(
      { type: 'replace', state: source.state },
      { source: 'source' },
    );
    for (const finding of findings) logger.warn({ finding }, finding.message);
    logger.info({ phase }, 'source applied');
  } finally {
    await source.close();
  }
}

/** Exports are unpacked below the root directory; what a crash left there goes. */
async function follow(
  path: string,
  controller: Controller,
  surroundings: Surroundings,
): Promise<Subscription> {
  const { watchSource } = await import('./source/watch-source.ts');
  const { clock, logger, root } = surroundings;
  const temporaryDirectory = join(root, 'incoming');
  await rm(temporaryDirectory, { recursive: true, force: true });
  await ensurePrivateDirectory(temporaryDirectory);
  return watchSource(path, { clock, temporaryDirectory })
    .pipe(concatMap((source) => applySource(source, controller, logger)))
    .subscribe({ error: (error: unknown) => logger.error({ error }, `${path} is not watched any more`) });
}

/** Resolves when the first full observation has ended, however it did, or is not to be waited for any longer. */
function firstLook(runner: Runner, clock: Clock): Promise<unknown> {
  const ended = runner.inputs.pipe(filter(({ type }) => type === 'listed' || type === 'list-failed'));
  const late = new Observable<void>((late) => clock.after(firstLookMs, () => late.next()));
  return firstValueFrom(race(ended, late));
}

/** Lets go of everything; nothing is undone (CTR-9). */
async function end({ runner, recording, database, endEvents }: Controller): Promise<void> {
  await runner.stop();
  endEvents();
  await recording?.close();
  database.close();
}

/** A controller that nobody can talk to does not go on: where the socket can't be had, it is stopped again. */
async function serve(
  controller: Controller,
  { socket }: RunOptions,
  { clock, logger }: Pick<Surroundings, 'clock' | 'logger'>,
): Promise<ApiServer> {
  try {
    const { serveApi } = await import('./api/server.ts');
    const onInternalError = (error: unknown, request: string) =>
      logger.error({ err: error, request }, 'the control socket failed');
    return await serveApi(controller.service, { socket, clock, onInternalError });
  } catch (error) {
    await end(controller);
    throw error;
  }
}

/**
 * Standard output, written to beside everything else: a log that nobody reads must not stop the controller. What does not
 * fit into `unreadLogBytes` is lost then.
 */
function logOutput(): ReturnType<typeof pino.destination> {
  return pino.destination({ fd: 1, sync: false, minLength: 0, maxLength: unreadLogBytes });
}

/**
 * Runs the controller until SIGINT or SIGTERM; resolves to the exit code. Stopping it stops no container and removes
 * nothing (CTR-9). Rejects when it can't start: a bad root, a socket that is taken, a damaged database.
 */
export async function runController(options: RunOptions): Promise<number> {
  const output = logOutput();
  const logger = pino({ level: options.logLevel ?? 'info', base: null }, output);
  // Whatever whoever started us had open must not reach the programs that we start.
  closeInheritedDescriptors();
  const clock = systemClock();
  const controller = await compose(options, clock, logger);
  const { runner } = controller;
  const ended = firstValueFrom(merge(fromEvent(process, 'SIGINT'), fromEvent(process, 'SIGTERM')));
  // The device comes first: loading the control socket takes as long as everything before it.
  const looked = firstLook(runner, clock);
  runner.start();
  await looked;
  const api = await serve(controller, options, { clock, logger });
  logger.info({ socket: options.socket, pid: process.pid }, 'serving the control socket');
  const source =
    options.source === undefined
      ? null
      : await follow(options.source, controller, { clock, logger, root: options.root });
  await ended;
  source?.unsubscribe();
  await api.close();
  await end(controller);
  logger.info('stopped; containers go on');
  output.flushSync();
  return 0;
}

/**
 * The plan of a change against this host, without a controller: nothing is made, not even `root`. `origins` are the
 * objects that come with the change; the others are looked for where a controller keeps them.
 */
export async function planDirectly(
  options: DirectPlanOptions,
  change: StateChange,
  origins: ReadonlyMap<string, ObjectOrigin>,
): Promise<PlanOutcome> {
  refuseDocker(options);
  const path = (sha256: string) => origins.get(sha256)?.path ?? join(options.root, 'objects', sha256);
  const objects = objectFiles(path);
  const database = join(options.root, 'holdfast.db');
  const kept = existsSync(database) ? Database.open(database) : null;
  try {
    const conditions = await startConditions(kept?.load() ?? null, objects);
    const store = storeOf(conditions);
    const world = new World((key) => store.desired(key), store.keys());
    for (const resource of await observeOnce(options, path)) world.observe(resource.key, resource);
    const facts = await gatherFacts(store.draft(change).objects, objects);
    const troubled = [...store.keys(), ...world.observedKeys()];
    const foreseen: Standing['foreseen'] = (changes) =>
      conditions.committed ? foreseenConflicts(changes) : [];
    return planOf({ store, world, troubled, refusalOf: () => null, foreseen }, change, facts);
  } finally {
    kept?.close();
  }
}

/** Where there is no root directory there is nothing of ours. */
async function observeOnce(
  options: DirectPlanOptions,
  path: ObjectPath,
): Promise<readonly ObservedResource[]> {
  if (!existsSync(options.root)) return [];
  const { adapter } = await chooseAdapter(options, path, systemClock());
  try {
    return await adapter.observe(new AbortController().signal);
  } finally {
    await adapter.close();
  }
}
