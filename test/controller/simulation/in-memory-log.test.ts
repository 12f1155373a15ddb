import test from 'ava';
import { Database } from '../../../controller/database.ts';
import type { RevisionLog } from '../../../controller/revision-log.ts';
import { InMemoryLog } from './in-memory-log.ts';
import { simulateSeed } from './simulation.ts';

/** What a controller would begin with, and what it would show of the past. */
function contentOf(log: Pick<RevisionLog, 'load' | 'leases' | 'revisions'>) {
  return { kept: log.load(), leases: log.leases(), revisions: log.revisions() };
}

for (let seed = 1; seed <= 12; seed += 1) {
  test(`[ROLL-4] after each fact of seed ${seed} the database holds what the modelled disk holds`, async (t) => {
    const { facts } = await simulateSeed(seed);
    const [database, model] = [Database.open(':memory:'), new InMemoryLog()];
    t.teardown(() => database.close());
    t.true(facts.length > 2);
    for (const [index, fact] of facts.entries()) {
      database.persist(fact);
      model.persist(fact);
      t.deepEqual(contentOf(database), contentOf(model), `fact ${index + 1}, ${fact.type}`);
    }
  });
}
