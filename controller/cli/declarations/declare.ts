import type { Command } from 'commander';
import type { Context } from '../context.ts';

/** Told how a verb ended: its exit code. */
export type Finish = (exitCode: number) => void;

/**
 * Adds one verb to the program. The code of a verb is loaded when it is called, and nothing that it does not need: `get` is done before
 * `apply` would be loaded.
 */
export type Declare = (verb: Command, context: Context, finish: Finish) => void;
