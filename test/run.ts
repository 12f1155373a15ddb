import { randomUUID } from 'node:crypto';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, runLines } from '../tools/command.ts';
import { lastingLeftovers, runMark, takeInventory } from '../tools/inventory.ts';
import { addTallies, closeTally, emptyTally, readTapLine, type Tally, tapStart } from '../tools/tap.ts';

/**
 * `npm test`: type check, lint, every suite, and a look at what they left behind on this machine. Suites named
 * `*.lab.test.ts` run real LXC inside a lab (test/lab/lab.ts) and need root; without root they are skipped, which
 * `CI` makes a failure. Standard output ends with `N passed, N failed`; the exit code says the same.
 */

const project = join(import.meta.dirname, '..');
const node = process.execPath;
const ava = join(project, 'node_modules/ava/entrypoints/cli.js');
const inCi = (process.env.CI ?? '') !== '';

/** What the compiler's process says when a test of the house has done with it. */
const compilerFarewell = 'context canceled';

function say(message: string): void {
  process.stdout.write(`${message}\n`);
}

const failure: Tally = { ...emptyTally, failed: 1 };

function passOrFail(passed: boolean): Tally {
  return passed ? { ...emptyTally, passed: 1 } : failure;
}

/** A command whose whole output is shown; it counts as one test. */
async function check(name: string, command: Command): Promise<Tally> {
  const code = await runLines(command, { out: say, error: say });
  say(`${code === 0 ? 'ok' : 'NOT OK'}: ${name}`);
  return passOrFail(code === 0);
}

/** Runs AVA and shows what failed. What a lab says that it found left over is a failure of the suite. */
async function suite(name: string, command: Command): Promise<Tally> {
  let state = tapStart;
  let leftOver = 0;
  const code = await runLines(command, {
    out: (line) => {
      const read = readTapLine(state, line);
      state = read.state;
      if (read.show) say(line);
    },
    error: (line) => {
      if (line.startsWith('lab: left over')) leftOver += 1;
      if (line !== compilerFarewell) say(line);
    },
  });
  const closed = closeTally(state.tally, code);
  const unwanted = leftOver + (inCi ? closed.skipped : 0);
  const tally = addTallies(closed, { ...emptyTally, failed: unwanted });
  say(`${tally.failed === 0 ? 'ok' : 'NOT OK'}: ${name}: ${tally.passed} passed, ${tally.failed} failed`);
  return tally;
}

function suites(pattern: string, except: (file: string) => boolean): readonly string[] {
  const files = globSync(pattern, { cwd: project }).filter((file) => !except(file));
  if (files.length === 0)
    throw new Error(`found no test file for ${pattern}: a suite that is gone would pass unseen`);
  return files.sort();
}

const canLab = process.getuid?.() === 0 && process.platform === 'linux';

/** Before any suite: HAProxy is tested without a lab, too. */
const provision: Command = { program: node, arguments: [join(project, 'test/lab/provision.ts')] };

async function labSuites(files: readonly string[]): Promise<Tally> {
  if (!canLab) {
    say(
      `${inCi ? 'NOT OK' : 'skipped'}: ${files.join(' ')}: real LXC needs root on Linux, this user is not root`,
    );
    return inCi ? failure : { ...emptyTally, skipped: files.length };
  }
  const lab = [join(project, 'test/lab/lab.ts'), '--name', 'test', '--'];
  return await suite('suites on real LXC', {
    program: node,
    arguments: [...lab, node, ava, '--tap', '--serial', ...files],
  });
}

async function everything(): Promise<Tally> {
  const isLab = (file: string) => file.endsWith('.lab.test.ts');
  const unit = suites('test/**/*.test.ts', isLab);
  const lab = suites('test/**/*.lab.test.ts', () => false);
  const tallies = [
    // What is tested through the command line is what a clean clone has after npm ci.
    await check('bundle', { program: node, arguments: [join(project, 'tools/build.ts')] }),
    await check('types', { program: join(project, 'node_modules/.bin/tsc'), arguments: ['-p', project] }),
    await check('lint and format', {
      program: join(project, 'node_modules/.bin/biome'),
      arguments: ['check', '--error-on-warnings', project],
    }),
    ...(canLab ? [await check('packages for the lab', provision)] : []),
    await suite('suites in memory', { program: node, arguments: [ava, '--tap', ...unit] }),
    await labSuites(lab),
  ];
  return tallies.reduce(addTallies, emptyTally);
}

/** Runs everything with a directory of its own for temporary files, and tells what stayed behind. */
async function watched(temporary: string): Promise<Tally> {
  const scope = { run: randomUUID(), temporary, checkout: inCi ? project : null };
  Object.assign(process.env, { TMPDIR: temporary, [runMark]: scope.run });
  const before = takeInventory(scope);
  const tally = await everything();
  const left = await lastingLeftovers(before, scope);
  for (const thing of left) say(`left behind: ${thing}`);
  say(`${left.length === 0 ? 'ok' : 'NOT OK'}: nothing left behind on this machine`);
  return addTallies(tally, passOrFail(left.length === 0));
}

async function main(): Promise<number> {
  const temporary = mkdtempSync(join(tmpdir(), 'hf-'));
  try {
    const total = await watched(temporary);
    if (total.skipped > 0) say(`${total.skipped} skipped (see above)`);
    say(`${total.passed} passed, ${total.failed} failed`);
    return total.failed === 0 ? 0 : 1;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

process.exitCode = await main();
