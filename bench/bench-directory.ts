import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ControllerOptions, type RunningController, startController } from '../tools/controller.ts';

/** Runs `work` with a directory of its own, which is removed afterwards. */
export async function inDirectory<Result>(work: (directory: string) => Promise<Result>): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-'));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Runs `work` with a controller of its own, which is ended afterwards. What it said is added to an error of `work`. */
export async function withController<Result>(
  options: ControllerOptions,
  work: (controller: RunningController) => Promise<Result>,
): Promise<Result> {
  const controller = await startController(options);
  try {
    return await work(controller);
  } catch (error) {
    throw new Error(`the controller said:\n${controller.log.join('\n')}`, { cause: error });
  } finally {
    await controller.stop();
  }
}
