import test, { type ExecutionContext } from 'ava';
import jsonpatch from 'fast-json-patch';
import { localInstant } from '../../../controller/cli/render/moment.ts';
import type { FlatState } from '../../../state/revision.ts';
import { entry, waitingWeb, webExited } from '../fixtures.ts';
import { outcomeOf, type ScriptedService } from '../scripted-service.ts';
import { served } from '../served.ts';
import { commandLine, type Ended } from './command.ts';

const first: FlatState = { 'web/run.json': { name: 'web', hostname: 'www' }, 'db/run.json': { name: 'db' } };
const third: FlatState = { 'web/run.json': { name: 'web', hostname: 'shop' } };

/** 1 DONE but not kept, 2 DONE, 3 failed, 4 desired. */
function tell(service: ScriptedService): void {
  service.entries = [
    entry(1, { kept: false }),
    entry(2, { message: 'two shops', source: '/srv/revisions/second' }),
    entry(3, { phase: 'ERROR', failure: webExited, message: 'no logo', endedAt: webExited.at }),
    entry(4, { desired: true, message: 'back to revision 2', source: 'rollback', digest: 'd2' }),
  ];
  service.states = new Map([
    [2, first],
    [3, third],
    [4, first],
  ]);
}

async function asked(
  t: ExecutionContext,
  words: readonly string[],
  change: (service: ScriptedService) => void = () => {},
): Promise<Ended> {
  const { service, socket } = await served(t);
  tell(service);
  change(service);
  return await commandLine([...words, '--socket', socket]);
}

test('[ROLL-6] history shows how each revision ended, from where it came, and which one is desired', async (t) => {
  const { code, out } = await asked(t, ['history']);
  t.is(code, 0);
  t.is(
    out,
    [
      'REV  NOW      PHASE  WHEN               SOURCE        MESSAGE',
      '1             DONE   2026-11-22 02:01Z  ./revision',
      '2             DONE   2026-11-22 02:02Z  …ions/second  two shops',
      "3             ERROR  2026-11-22 02:03Z  ./revision    container 'web' exited wi…",
      '4    desired  DONE   2026-11-22 02:04Z  rollback      back to revision 2',
      '',
    ].join('\n'),
  );
});

test('history names the committed revision where another is on trial, and stays within 80 columns', async (t) => {
  const { out } = await asked(t, ['history'], (service) => {
    service.entries = [
      entry(1_001),
      entry(1_002, { phase: 'INPROGRESS', desired: true, endedAt: null, message: 'long '.repeat(40) }),
    ];
  });
  t.regex(out, /^1001 {2}committed {2}DONE .*\n1002 {2}desired {4}INPROGRESS .*…$/m);
  t.true(out.split('\n').every((line) => [...line].length <= 80));
});

test('history in JSON is the whole record', async (t) => {
  const { out } = await asked(t, ['history', '-o', 'json']);
  t.deepEqual(Object.keys(JSON.parse(out).items[2]).sort(), Object.keys(entry(3)).sort());
  t.deepEqual(JSON.parse(out).items[2].failure, webExited);
});

test('where there was no revision, history says so beside the data', async (t) => {
  const none = (service: ScriptedService) => {
    service.entries = [];
  };
  t.deepEqual(await asked(t, ['history'], none), { code: 0, out: '', err: 'there are no revisions yet\n' });
  const { code, err } = await asked(t, ['why', '1'], none);
  t.deepEqual([code, err], [5, 'holdfast: there is no revision 1: none is known yet\n']);
});

test('[ROLL-6] show gives the record of a revision, why it failed, and what it changed against the kept one before', async (t) => {
  const { code, out } = await asked(t, ['show', '3']);
  t.is(code, 0);
  t.deepEqual(out.replace(/\(\d+ .* ago\)/g, '(ago)').split('\n'), [
    'revision 3 is ERROR',
    '  Content:  d3',
    '  Source:   ./revision',
    '  Message:  no logo',
    `  Accepted: ${localInstant(entry(3).at)} (ago)`,
    `  Ended:    ${localInstant(webExited.at)} (ago)`,
    "  Failure:  container 'web' exited with code 3",
    `  ContainerExited at container/web, ${localInstant(webExited.at)} (ago)`,
    '  last lines:',
    '  | panic: no configuration',
    '  | exiting',
    'against revision 2:',
    '  web/run.json  changed',
    '    /hostname: "www" → "shop"',
    '  db/run.json  removed',
    '',
  ]);
});

test('[ROLL-1] show compares with what was committed when a revision came, not with a trial that was given up before it', async (t) => {
  const { out } = await asked(t, ['show', '4'], (service) => {
    service.states = new Map([
      [2, first],
      [3, third],
      [4, { ...first, 'db/run.json': { name: 'base' } }],
    ]);
  });
  t.regex(out, /\nagainst revision 2:\n {2}db\/run\.json {2}changed\n {4}\/name: "db" → "base"\n$/);
});

test('show compares with the trial before where nothing was ever committed', async (t) => {
  const { out } = await asked(t, ['show', '4'], (service) => {
    service.entries = [2, 3, 4].map((number) => entry(number, { phase: 'ERROR', failure: webExited }));
  });
  t.regex(out, /\nagainst revision 3:\n {2}web\/run\.json/);
});

test('show says where nothing is kept to compare with, or of the revision itself', async (t) => {
  t.regex(
    (await asked(t, ['show', '2'])).out,
    /no revision is kept from before it:\n {2}web\/run.json {2}added\n/,
  );
  t.regex(
    (await asked(t, ['show', '1'])).out,
    /^revision 1 is DONE\n[\s\S]*its content is not kept any more\n$/,
  );
});

test('[ROLL-6] show in JSON gives record and state; one that is not kept exits with 5', async (t) => {
  t.deepEqual(JSON.parse((await asked(t, ['show', '3', '-o', 'json'])).out).state, third);
  const { code, err } = await asked(t, ['show', '1', '-o', 'json']);
  t.deepEqual([code, err], [5, 'holdfast: revision 1 is not kept\n']);
  const unknown = await asked(t, ['show', '9']);
  t.is(unknown.code, 5);
  t.regex(unknown.err, /there is no revision 9: those from 1 to 4 are remembered\nhint: 'holdfast history'/);
});

test('[ROLL-6] diff in JSON is a patch (RFC 6902) that makes the second revision of the first', async (t) => {
  const { code, out } = await asked(t, ['diff', '2', '3', '-o', 'json']);
  t.is(code, 0);
  t.deepEqual(jsonpatch.applyPatch(structuredClone(first), JSON.parse(out)).newDocument, third);
});

test('diff for people names document, place, and both values; the same content is said to be that', async (t) => {
  t.is(
    (await asked(t, ['diff', '3', '2'])).out,
    'from revision 3 to revision 2:\n  web/run.json  changed\n    /hostname: "shop" → "www"\n' +
      '  db/run.json  added\n    /name: "db"\n',
  );
  t.is((await asked(t, ['diff', '2', '4'])).out, 'from revision 2 to revision 4: the same content\n');
});

test('[ROLL-3] why tells which container failed a trial, with which code, when, its last lines, and what came then', async (t) => {
  const { code, out } = await asked(t, ['why', '3']);
  t.is(code, 0);
  t.deepEqual(out.replace(/\(\d+ .* ago\)/, '(ago)').split('\n'), [
    "revision 3 is ERROR: container 'web' exited with code 3",
    `  ContainerExited at container/web, ${localInstant(webExited.at)} (ago)`,
    '  last lines:',
    '  | panic: no configuration',
    '  | exiting',
    'revision 2 was made desired again',
    '',
  ]);
  const json = JSON.parse((await asked(t, ['why', '3', '-o', 'json'])).out);
  t.like(json, { revision: 3, phase: 'ERROR', failure: webExited, fallback: 2 });
});

test('last lines that are longer than the terminal is wide are broken, not cut: their end says most', async (t) => {
  const line =
    'start - cannot set up the network of this container, since No such file or directory - /sbin/init';
  const message = `container 'web' did not start\n${line}\n${'y'.repeat(9_000)}`;
  const { out } = await asked(t, ['why', '3'], (service) => {
    service.entries = [entry(2), entry(3, { phase: 'ERROR', failure: { ...webExited, message } })];
  });
  t.regex(out, /\n {2}\| start - cannot set up .* No such file or\n {2}\| directory - \/sbin\/init\n/);
  t.regex(out, /\n {2}\| y{399}…\n/);
});

const ends: readonly (readonly [
  what: string,
  entries: ScriptedService['entries'],
  revision: string,
  text: RegExp,
])[] = [
  [
    'DONE, and desired',
    [entry(1, { desired: true })],
    '1',
    /^revision 1 is DONE since .*: all of it held, and it is what is desired now $/,
  ],
  [
    'replaced by a newer one',
    [
      entry(1),
      entry(2, { phase: 'ERROR', failure: { ...webExited, code: 'Superseded', key: null } }),
      entry(3),
    ],
    '2',
    / Superseded, .* revision 3 was tried instead $/,
  ],
  [
    'refused before it began',
    [entry(1), entry(2, { phase: 'ERROR', failure: { ...webExited, code: 'PoolExhausted' }, attempts: 0 })],
    '2',
    / nothing of it was begun, and nothing disturbed: revision 1 stayed desired $/,
  ],
  [
    'failed with nothing to go back to, and desired still',
    [entry(1, { phase: 'ERROR', failure: webExited, desired: true })],
    '1',
    / there was none to go back to: revision 1 stays desired, and becomes DONE when all of it holds $/,
  ],
  [
    'failed with nothing to go back to, until another came',
    [entry(1, { phase: 'ERROR', failure: webExited }), entry(2, { desired: true })],
    '1',
    / there was none to go back to: revision 1 stayed desired until revision 2 came $/,
  ],
];
for (const [what, entries, revision, text] of ends) {
  test(`[ROLL-6] why tells of a revision that was ${what}`, async (t) => {
    const { code, out } = await asked(t, ['why', revision], (service) => {
      service.entries = entries;
    });
    t.is(code, 0);
    t.regex(out.replace(/\s+/g, ' '), text);
  });
}

test('why of a revision on trial tells how far it is', async (t) => {
  const { out } = await asked(t, ['why', '5'], (service) => {
    service.entries = [entry(4), entry(5, { phase: 'TESTING', desired: true, endedAt: null })];
    service.outcomeSubject.next(outcomeOf(5, { phase: 'TESTING', commitAt: 1 }));
  });
  t.is(out, 'revision 5 is TESTING: nothing is wanted and nothing is there, commits in 0 s\n');
});

for (const words of [['container', 'web'], ['container/web']]) {
  test(`why of a resource is the first line of describe: ${words.join(' ')}`, async (t) => {
    const { code, out } = await asked(t, ['why', ...words], (service) => {
      service.items = [waitingWeb];
      service.descriptions = new Map([['container/web', waitingWeb]]);
    });
    t.deepEqual([code, out], [0, `${waitingWeb.why}\n`]);
  });
}
