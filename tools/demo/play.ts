import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startController } from '../controller.ts';
import { type ExamplePorts, examplePorts, makeExample, movePorts } from './example.ts';
import { freePorts } from './ingress.ts';
import { BrokenClaim, Stage } from './stage.ts';
import { tell } from './story.ts';

/** `node tools/demo/play.ts lxc|memory` tells the story on one adapter; on LXC it belongs into a lab. */

/** How long a trial of the demo has to hold, seconds: short, so that it is told in little time. */
const commitAfterSeconds = 1;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Has the example listen where nothing of this machine does: elsewhere than in a lab anything may. */
async function freshPorts(example: string): Promise<ExamplePorts> {
  const [http, tcp] = await freePorts();
  movePorts(example, { http, tcp });
  return { http, tcp };
}

/** Tells the story with everything under `directory`; the controller is ended in any case. */
async function playIn(directory: string, adapter: 'lxc' | 'memory'): Promise<void> {
  const real = adapter === 'lxc';
  const root = join(directory, 'root');
  const example = await makeExample(join(directory, 'two-containers'), real ? 'busybox' : 'placeholder');
  const ports = real ? examplePorts : await freshPorts(example);
  // What is only modelled is served all the same.
  const more = real ? [] : ['--serve'];
  const controller = await startController({ adapter, root, commitAfterSeconds, more });
  try {
    const project = join(import.meta.dirname, '../..');
    const stage = new Stage(say, [
      [`${directory}/`, ''],
      [`${project}/bin/`, ''],
      [`${project}/`, ''],
    ]);
    await tell({ stage, controller, example, ports, real });
    const code = await controller.stop();
    stage.claim('the controller ends when it is asked to', code === 0, controller.log);
  } catch (error) {
    say(`   the controller said:\n${controller.log.map((line) => `     ${line}`).join('\n')}`);
    throw error;
  } finally {
    await controller.stop();
  }
}

async function main(adapter: string | undefined): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'demo-'));
  try {
    await playIn(directory, adapter === 'lxc' ? 'lxc' : 'memory');
    return 0;
  } catch (error) {
    if (!(error instanceof BrokenClaim)) throw error;
    say(`   ✗ ${error.message}`);
    return 1;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

process.exitCode = await main(process.argv[2]);
