/**
 * Accepts and commits revision after revision in the database named as its argument, saying each step when it is acknowledged, until it
 * is killed. Started by database.test.ts.
 */
import { writeSync } from 'node:fs';
import { Database } from '../../controller/database.ts';
import { accepted, done, lease } from './database-facts.ts';

const database = Database.open(process.argv[2] ?? '');
// Not by `process.stdout`, which keeps back what its reader is not ready for: an acknowledgement must not be lost.
const acknowledge = (what: string) => writeSync(1, `${what}\n`);
const kept = database.load();
if (kept?.interrupted != null) {
  const failure = { code: 'Interrupted', key: null, message: 'killed', at: 1 };
  const verdict = { revision: kept.interrupted, phase: 'ERROR', at: 1, failure } as const;
  database.persist({ type: 'verdict', verdict });
}
for (let revision = (kept?.latest ?? 0) + 1; ; revision++) {
  const held = [lease('web', `10.0.5.${2 + (revision % 200)}`)];
  const state = { 'device.json': { revision }, 'web/run.json': { revision } };
  database.persist(accepted(revision, { state, leases: { held, released: [] } }));
  acknowledge(`trying ${revision}`);
  database.persist(done(revision));
  acknowledge(`done ${revision}`);
}
