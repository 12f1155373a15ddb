/**
 * Persists the facts of the script in the database named as its argument and says line by line how each went: its index and `kept`, or the code of the
 * error and what the database says of itself then; null where it says nothing any more. A fact that failed is tried once more, and the
 * facts after it only when that went well. Started by database-faults.lab.test.ts.
 */
import { writeSync } from 'node:fs';
import { Database } from '../../controller/database.ts';
import { DatabaseError } from '../../controller/database-error.ts';
import type { Fact } from '../../controller/input.ts';
import { saidBy, script } from './database-script.ts';

const say = (...words: readonly (string | number | null)[]) => writeSync(1, `${JSON.stringify(words)}\n`);

function codeOf(error: unknown): string {
  return error instanceof DatabaseError ? error.code : String(error);
}

function answerOf(database: Database): string | null {
  try {
    return saidBy(database);
  } catch (error) {
    if (codeOf(error) === 'Suspect') return null;
    throw error;
  }
}

function persist(database: Database, fact: Fact, index: number): boolean {
  try {
    database.persist(fact);
    say(index, 'kept');
    return true;
  } catch (error) {
    say(index, codeOf(error), answerOf(database));
    return false;
  }
}

try {
  const database = Database.open(process.argv[2] ?? '');
  script.every((fact, index) => persist(database, fact, index) || persist(database, fact, index));
  database.close();
} catch (error) {
  say('open', codeOf(error));
}
