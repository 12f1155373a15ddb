import type { Database } from '../../controller/database.ts';
import type { Fact } from '../../controller/input.ts';
import { accepted, done, failed, failure, lease, superseded } from './database-facts.ts';

const [web, db, extra] = [lease('web', '10.0.5.2'), lease('db', '10.0.5.3'), lease('extra', '10.0.5.4')];
const held = (...leases: readonly (typeof web)[]) => ({ held: leases, released: [] });

/** Every kind of fact, in an order in which an engine might ask for them. */
export const script: readonly Fact[] = [
  accepted(1, { state: { a: 1 }, leases: held(web, db) }),
  { type: 'attempt', revision: 1, at: 1500 },
  failed(1),
  done(1),
  accepted(2, { state: { a: 2, b: 2 }, leases: { held: [extra], released: [db] } }),
  failed(2),
  accepted(3, { state: { b: 3, a: 3 }, leases: { held: [extra], released: [web] } }),
  accepted(4, {
    state: { a: 4 },
    leases: { held: [lease('db', '10.0.5.4')], released: [db] },
    ends: superseded(3),
  }),
  done(4),
  accepted(5, { state: { a: 5 }, standing: 'refused', failure: failure('AddressTaken') }),
  accepted(6, { standing: 'committed', leases: { held: [], released: [web, lease('db', '10.0.5.4')] } }),
];

/** All that a database says of itself, as text. */
export function saidBy(database: Database): string {
  const kept = database.load();
  return JSON.stringify([
    kept,
    database.revisions().map((record) => [record, database.stateOf(record.revision)]),
    database.leases(),
  ]);
}
