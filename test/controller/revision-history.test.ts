import test from 'ava';
import { RevisionHistory } from '../../controller/revision-history.ts';
import type { RevisionRecord } from '../../controller/revision-log.ts';
import { entry, webExited } from './fixtures.ts';

/** A log in which `kept` revisions have content. */
function historyOf(records: readonly RevisionRecord[], ended: number | null = null): RevisionHistory {
  const verdict = { revision: ended ?? 0, phase: 'ERROR', at: webExited.at, failure: webExited } as const;
  return new RevisionHistory({
    engine: {
      revision: records.at(-1)?.revision ?? 0,
      rollout: { committed: 1, trial: null, ended: verdict },
    },
    log: {
      revisions: () => records,
      stateOf: (revision) => ({ 'device.json': { revision } }),
    },
  });
}

const record = (revision: number, fields: Partial<RevisionRecord> = {}): RevisionRecord => {
  const { desired, phase, ...rest } = entry(revision);
  return { ...rest, phase: 'DONE', ...fields };
};

test('[ROLL-6] content that is not kept any more is answered with 410, and what is kept is named', (t) => {
  const records = Array.from({ length: 14 }, (_, index) => record(index + 1, { kept: index > 1 }));
  t.throws(() => historyOf(records).content(2), {
    message: 'the content of revision 2 is not kept any more',
  });
  t.like(
    t.throws<Error & { status: number; hint: string }>(() => historyOf(records).content(1)),
    {
      status: 410,
      hint: 'kept: 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, and 2 older ones',
    },
  );
});

test('[ROLL-6] the revision before is not passed over because its content is not kept any more', (t) => {
  const records = [record(1), record(2, { kept: false }), record(3)];
  t.like(
    t.throws<Error & { status: number; hint: string }>(() => historyOf(records).before()),
    {
      status: 410,
      hint: 'kept: 1, 3',
    },
  );
});

test('a verdict that could not be saved yet is in the history all the same', (t) => {
  const records = [record(1), record(2, { phase: 'INPROGRESS', endedAt: null }), record(3)];
  t.like(historyOf(records, 2).entries()[1], { phase: 'ERROR', failure: webExited, endedAt: webExited.at });
});
