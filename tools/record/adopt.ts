import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { capture } from '../command.ts';
import { holdfastProgram } from '../controller.ts';
import { testRecording } from './test-recording.ts';

/**
 * `npm run adopt -- FILE NAME`: makes a test case of a recording from the field: test/recordings/NAME.jsonl, which every
 * run of the tests replays. A last line that is torn is left out. Exits 1 and keeps nothing where the recording does not
 * replay here: mend that first. What a recording holds is a device's configuration; look at it before you publish it.
 */

function say(message: string): void {
  process.stderr.write(`adopt: ${message}\n`);
}

/** Without a last line that has no end. */
function wholeLines(text: string): string {
  return text.slice(0, text.lastIndexOf('\n') + 1);
}

async function adopt(file: string, name: string): Promise<number> {
  const target = testRecording(name);
  if (existsSync(target)) {
    say(`${target} is there already; give another name`);
    return 1;
  }
  const { code, output } = await capture({ program: holdfastProgram, arguments: ['replay', file] });
  process.stdout.write(`${output}\n`);
  if (code !== 0) {
    say(`${file} does not replay as it was recorded (exit code ${code}); nothing was kept`);
    return 1;
  }
  writeFileSync(target, wholeLines(readFileSync(file, 'utf8')));
  process.stdout.write(`${target}\n`);
  say('it holds the configuration of a device: look at it before you publish it');
  return 0;
}

async function main([file, name, ...more]: readonly string[]): Promise<number> {
  if (file === undefined || name === undefined || more.length > 0 || !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) {
    say('usage: npm run adopt -- FILE NAME, where NAME is made of small letters, digits and single hyphens');
    return 64;
  }
  return adopt(file, name);
}

process.exitCode = await main(process.argv.slice(2));
