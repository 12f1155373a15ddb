import { execFile, execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, rmSync, writeSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { build } from 'esbuild';
import { Database } from '../../controller/database.ts';
import { accepted, done, failed } from './database-facts.ts';
import { saidBy, script } from './database-script.ts';
import { directoryOf } from './source/files.ts';

/** How a call to the kernel goes wrong: what strace(1) puts in its place, and at which calls from the `n`th on. */
interface Fault {
  readonly calls: string;
  readonly inject: string;
  readonly when: (n: number) => string;
}

const syncs = 'fsync,fdatasync';
const writes = 'write,pwrite64,ftruncate';
const once = (n: number) => `${n}`;
const fromThenOn = (n: number) => `${n}+`;

/** What a run with a fault has said, and what is found afterwards. */
interface Outcome {
  readonly injected: boolean;
  readonly said: readonly (readonly [where: number | 'open', how: string, answer?: string | null])[];
  readonly found: string;
}

/** Where the script is run, and the file that runs it. */
interface Bench {
  readonly directory: string;
  readonly program: string;
}

/** What a database says of itself after each fact, before the first one included. */
const states = statesOfScript();

function statesOfScript(): readonly string[] {
  const database = Database.open(':memory:');
  const said = [saidBy(database)];
  for (const fact of script) {
    database.persist(fact);
    said.push(saidBy(database));
  }
  database.close();
  return said;
}

/** The script's runner in one file: a third of the time to start. */
async function programIn(directory: string): Promise<string> {
  const outfile = join(directory, 'persist-script.mjs');
  const entryPoints = [join(import.meta.dirname, 'persist-script.ts')];
  await build({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' });
  return outfile;
}

/** Runs the script with the `n`th of some calls going wrong; only those that touch files of the database count. */
async function run({ directory, program }: Bench, fault: Fault, n: number): Promise<Outcome> {
  const place = join(directory, `${n}`);
  await mkdir(place, { mode: 0o700 });
  const path = join(place, 'holdfast.db');
  const trace = join(directory, `${n}.trace`);
  const files = ['', '-wal', '-reserve', '.new', '.new-journal'].flatMap((suffix) => ['-P', path + suffix]);
  const inject = `inject=${fault.calls}:${fault.inject}:when=${fault.when(n)}`;
  const options = ['-f', '-qq', '-o', trace, '-e', `trace=${fault.calls}`, '-e', inject];
  // Stops at those calls only, which is faster; strace 6.1 forgets to send signals then.
  if (!fault.inject.startsWith('signal')) options.push('--seccomp-bpf');
  const command = [...options, '-P', place, ...files, process.execPath, program, path];
  // strace ends as its program does: by the same signal.
  const { output, killed } = await new Promise<{ output: string; killed: boolean }>((resolve) => {
    execFile('strace', command, (error, output) => resolve({ output, killed: error?.signal === 'SIGKILL' }));
  });
  const injected = killed || (await readFile(trace, 'utf8')).includes('(INJECTED)');
  const said = output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  const database = Database.open(path);
  const found = saidBy(database);
  database.close();
  await rm(place, { recursive: true });
  return { injected, said, found };
}

/** Old or new, never neither, and nothing acknowledged is lost. */
function check(t: ExecutionContext, n: number, { said, found }: Outcome): void {
  const kept = said.filter(([, how]) => how === 'kept').length;
  const what = `call ${n}: ${JSON.stringify(said.slice(-3))}`;
  // What is told to have failed is not there, as long as the database answers.
  for (const [where, , answer] of said)
    if (where !== 'open' && typeof answer === 'string')
      t.deepEqual([answer], states.slice(where, where + 1), what);
  const [, how, answer] = said.at(-1) ?? [];
  const isCertain = how === 'kept' ? kept === script.length : typeof answer === 'string';
  const expected = states.slice(kept, isCertain ? kept + 1 : kept + 2);
  t.true(expected.includes(found), `${what}: found ${found}`);
}

/** Goes on to later calls until a run ends without its fault; returns all that had one. */
async function everyCall(t: ExecutionContext, fault: Fault, faults = [fault]): Promise<readonly Outcome[]> {
  const directory = await directoryOf(t);
  const program = await programIn(directory);
  const outcomes: Outcome[] = [];
  for (let first = 1; ; first += 3) {
    const numbers = [first, first + 1, first + 2];
    const round = await Promise.all(
      numbers.map((n) => run({ directory, program }, faults[n % faults.length] ?? fault, n)),
    );
    for (const [index, outcome] of round.entries()) check(t, first + index, outcome);
    outcomes.push(...round.filter((outcome) => outcome.injected));
    if (round.some((outcome) => !outcome.injected)) return outcomes;
  }
}

const codesOf = (outcomes: readonly Outcome[]) =>
  new Set(
    outcomes
      .flatMap(({ said }) => said.map(([, how]) => how))
      .filter((how) => how !== 'kept')
      .sort(),
  );

test('an fsync that fails once fails one fact at most, and the database goes on', async (t) => {
  const outcomes = await everyCall(t, { calls: syncs, inject: 'error=EIO', when: once });
  t.true(outcomes.length > script.length);
  t.deepEqual(codesOf(outcomes), new Set(['Suspect']));
  const ends = outcomes.filter(({ said }) => said.at(-1)?.[0] !== 'open').map(({ said }) => said.at(-1));
  for (const end of ends) t.deepEqual(end, [script.length - 1, 'kept']);
});

test('a fact whose fsync failed, and that is in the log when it is opened anew, is put on disk and told to be kept', async (t) => {
  // The second one fails closing the file, which would have cut the fact off the log.
  const when = (n: number) => `${n}..${n + 1}`;
  const outcomes = await everyCall(t, { calls: syncs, inject: 'error=EIO', when });
  const unharmed = outcomes.filter(({ said }) => said.every(([, how]) => how === 'kept'));
  t.true(unharmed.length >= script.length, `${unharmed.length} of ${outcomes.length}`);
});

test('[ROLL-4] when no fsync succeeds any more, old or new is there, and nothing that was acknowledged is lost', async (t) => {
  const outcomes = await everyCall(t, { calls: syncs, inject: 'error=EIO', when: fromThenOn });
  t.true(outcomes.length > script.length);
  t.deepEqual(codesOf(outcomes), new Set(['Suspect']));
});

test('[ROLL-4] killed at any fsync, old or new is there, and nothing that was acknowledged is lost', async (t) => {
  const outcomes = await everyCall(t, { calls: syncs, inject: 'signal=KILL', when: once });
  t.true(outcomes.length > script.length);
});

test('[ROLL-4] whatever happens at any write, old or new is there, and nothing that was acknowledged is lost', async (t) => {
  const faults = [
    { calls: writes, inject: 'error=EIO', when: once },
    { calls: writes, inject: 'error=ENOSPC', when: fromThenOn },
    { calls: writes, inject: 'signal=KILL', when: once },
  ] as const;
  const outcomes = await everyCall(t, faults[0], [...faults]);
  t.true(outcomes.length > 5 * script.length);
  t.deepEqual(codesOf(outcomes), new Set(['Full', 'Suspect']));
});

/** Writes to a file until there is no space left. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const size of [4096, 1]) while (wrote(file, Buffer.alloc(size, 'x')));
  } finally {
    closeSync(file);
  }
}

function wrote(file: number, bytes: Buffer): boolean {
  try {
    return writeSync(file, bytes) > 0;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false;
    throw error;
  }
}

test('[ROLL-1] on a full disk a trial can end, the next revision is refused, and all goes on when there is space', async (t) => {
  const place = join(await directoryOf(t), 'small');
  await mkdir(place);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=700', 'tmpfs', place]);
  t.teardown(() => execFileSync('umount', [place]));
  const path = join(place, 'holdfast.db');
  let database = Database.open(path);
  t.teardown(() => database.close());
  const again = () => {
    database.close();
    database = Database.open(path);
    return database.load();
  };
  const content = { text: 'x'.repeat(20_000) };
  database.persist(accepted(1, { state: { a: 1 } }));
  database.persist(done(1));
  database.persist(accepted(2, { state: { a: 2, content } }));
  fill(join(place, 'filler'));
  database.persist(failed(2));
  t.false(existsSync(`${path}-reserve`), 'the verdict has taken the reserve');
  const before = saidBy(database);
  fill(join(place, 'filler-2'));
  t.throws(() => database.persist(accepted(3, { state: { content } })), {
    code: 'Full',
    message: /no space|full.*make space/,
  });
  t.is(saidBy(database), before);
  t.like(again(), { latest: 2, revision: 1, interrupted: null, state: { a: 1 } });
  t.throws(() => database.persist(accepted(3, { state: { content } })), { code: 'Full' });
  for (const filler of ['filler', 'filler-2']) rmSync(join(place, filler));
  database.persist(accepted(3, { state: { content } }));
  t.true(existsSync(`${path}-reserve`), 'there is a reserve again');
  database.persist(done(3));
  t.like(again(), { latest: 3, revision: 3, state: { content } });
  fill(join(place, 'filler'));
  database.persist(accepted(4, { state: {}, standing: 'committed' }));
  t.like(again(), { latest: 4, revision: 4, committed: true, state: {} });
});
