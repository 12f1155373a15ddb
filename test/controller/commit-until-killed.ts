/**
 * Commits revision after revision to the database named as its argument, saying each number when it is acknowledged, until it
 * is killed. Started by database.test.ts.
 */
import { writeSync } from 'node:fs';
import { Database } from '../../controller/database.ts';

const database = Database.open(process.argv[2] ?? '');
for (let revision = (database.load()?.revision ?? 0) + 1; ; revision++) {
  const address = `10.0.5.${2 + (revision % 200)}`;
  database.commitRevision({
    revision,
    digest: String(revision),
    source: 'test',
    at: revision,
    state: { 'device.json': { revision }, 'web/run.json': { revision } },
    leases: { held: [{ pool: 'a', container: 'web', interface: 'eth0', address }], released: [] },
  });
  // Not by `process.stdout`, which keeps back what its reader is not ready for: an acknowledgement must not be lost.
  writeSync(1, `${revision}\n`);
}
