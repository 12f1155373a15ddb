/** Where `bin/holdfast` begins: binds the command line to this process. */
import { systemClock } from '../clock.ts';
import { runCommandLine } from './command-line.ts';
import { exitCodes } from './failure.ts';
import { terminalOf } from './terminal.ts';

// It was for this process alone: children that are Node programs must not write into our cache.
delete process.env.NODE_COMPILE_CACHE;

// Whoever read our output has seen enough, as in `holdfast get | head`: not worth a word.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.brokenPipe);
    throw error;
  });
}

const ended = runCommandLine(process.argv.slice(2), {
  terminal: terminalOf(process.stdout, process.stderr, process.env),
  env: process.env,
  uid: process.geteuid?.() ?? -1,
  get clock() {
    return systemClock();
  },
  onInterrupt: (stop) => {
    process.once('SIGINT', stop);
    return () => void process.off('SIGINT', stop);
  },
});

// Not awaited: the bundle of this is no module, which has it start sooner (tools/build.ts). It never rejects.
void ended.then((code) => {
  process.exitCode = code;
  // A controller that was told to stop does not wait for steps under way: what they started goes on without it (CTR-9).
  if (process.argv[2] === 'run') process.exit();
});
