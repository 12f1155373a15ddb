import { createHash } from 'node:crypto';
import test from 'ava';
import { concat, from, of, throwError } from 'rxjs';
import { Problem } from '../../../controller/api/problem.ts';
import { MAX_JSON_BYTES } from '../../../state/limits.ts';
import { entry, event, waitingWeb, webItems } from '../fixtures.ts';
import { busSpec, linkItem, rawKey, rawSpec } from '../link-fixtures.ts';
import { emptyOutcome, outcomeOf } from '../scripted-service.ts';
import { ask, linesOf, served } from '../served.ts';

const sha256 = (content: string): string => createHash('sha256').update(content).digest('hex');

test('the version names the program, the api and the adapter', async (t) => {
  const { socket } = await served(t);
  const { status, body } = await ask(socket, 'GET', '/v1/version');
  t.is(status, 200);
  t.like(body, { api: 'v1', adapter: 'scripted', pid: process.pid });
});

test('an object that is missing is asked for once and taken in when its content has that sha256', async (t) => {
  const { socket, service } = await served(t);
  const [has, lacks] = [sha256('one'), sha256('two')];
  service.objects.set(has, Buffer.from('one'));
  const names = JSON.stringify({ sha256: [has, lacks] });
  t.deepEqual((await ask(socket, 'POST', '/v1/objects/missing', names)).body, { missing: [lacks] });
  t.is((await ask(socket, 'PUT', `/v1/objects/${lacks}`, 'two', 'application/octet-stream')).status, 204);
  t.deepEqual((await ask(socket, 'POST', '/v1/objects/missing', names)).body, { missing: [] });
});

test('an object larger than any JSON body streams through', async (t) => {
  const { socket, service } = await served(t);
  const content = Buffer.alloc(MAX_JSON_BYTES + 1, 'x');
  const name = createHash('sha256').update(content).digest('hex');
  t.is((await ask(socket, 'PUT', `/v1/objects/${name}`, content, 'text/plain')).status, 204);
  t.is(service.objects.get(name)?.length, content.length);
});

test('an object whose content has another sha256 is refused and both are named', async (t) => {
  const { socket, service } = await served(t);
  const { status, body } = await ask(socket, 'PUT', `/v1/objects/${sha256('a')}`, 'b');
  t.is(status, 422);
  t.deepEqual(body, {
    error: {
      code: 'ObjectMismatch',
      message: `found content with sha256 ${sha256('b')}, expected sha256 ${sha256('a')}`,
    },
  });
  t.is(service.objects.size, 0);
});

test('a revision reaches the controller with all that is said about it and is answered with its outcome', async (t) => {
  const { socket, service } = await served(t);
  service.onApply = () => outcomeOf(1, { phase: 'INPROGRESS' });
  const answer = await ask(socket, 'POST', '/v1/revisions', '{"state":{"a/run.json":{}},"source":"here"}');
  t.is(answer.status, 200);
  t.like(answer.body, { revision: 1, phase: 'INPROGRESS' });
  await ask(socket, 'POST', '/v1/revisions', '{"state":{},"message":"why","commitAfterSeconds":0.5}');
  t.deepEqual(service.applied, [
    { change: { type: 'replace', state: { 'a/run.json': {} } }, options: { source: 'here' } },
    {
      change: { type: 'replace', state: {} },
      options: { source: 'api', message: 'why', commitAfterSeconds: 0.5 },
    },
  ]);
});

test('what is said about a patch travels beside it', async (t) => {
  const { socket, service } = await served(t);
  const path = '/v1/revision?message=a%20b&commitAfterSeconds=86400';
  t.is((await ask(socket, 'PATCH', path, '{}', 'application/merge-patch+json')).status, 200);
  t.deepEqual(service.applied[0]?.options, { source: 'patch', message: 'a b', commitAfterSeconds: 86_400 });
});

test('[ROLL-6] going back takes the number of a revision, or none', async (t) => {
  const { socket, service } = await served(t);
  service.onApply = () => outcomeOf(5, { phase: 'INPROGRESS' });
  t.like((await ask(socket, 'POST', '/v1/rollback')).body, { revision: 5 });
  await ask(socket, 'POST', '/v1/rollback', '{"revision":3,"message":"m","commitAfterSeconds":0}');
  t.deepEqual(service.rolledBack, [
    { revision: null, options: {} },
    { revision: 3, options: { message: 'm', commitAfterSeconds: 0 } },
  ]);
});

test('[ROLL-6] revisions are listed with how they ended, and each that is kept can be had with its content', async (t) => {
  const { socket, service } = await served(t);
  service.entries = [entry(1), entry(2)];
  service.states = new Map([[2, { 'device.json': {} }]]);
  t.deepEqual((await ask(socket, 'GET', '/v1/revisions')).body, { items: service.entries });
  t.deepEqual((await ask(socket, 'GET', '/v1/revisions/2')).body, {
    ...entry(2),
    state: { 'device.json': {} },
  });
  t.is((await ask(socket, 'GET', '/v1/revisions/1')).status, 410);
  t.is((await ask(socket, 'GET', '/v1/revisions/3')).status, 404);
});

test('the outcome of one revision is asked for by its number', async (t) => {
  const { socket, service } = await served(t);
  await ask(socket, 'GET', '/v1/outcome?revision=3');
  const lines = linesOf(socket, '/v1/outcome?revision=4&follow=1');
  await lines.next();
  await lines.return(undefined);
  await ask(socket, 'GET', '/v1/outcome');
  t.deepEqual(service.outcomesAsked, [3, 4, undefined]);
});

test('[ROLL-1] whoever waits for the end alone is told of phases and of coming to rest, not of each resource', async (t) => {
  const { socket, service } = await served(t);
  const counts = (ready: number) => ({ ready, waiting: 3 - ready, blocked: 0, failed: 0 });
  const outcomes = [
    outcomeOf(2, { phase: 'INPROGRESS', settled: false, resources: counts(0) }),
    outcomeOf(2, { phase: 'INPROGRESS', settled: false, resources: counts(1) }),
    outcomeOf(2, { phase: 'TESTING', resources: counts(3) }),
    outcomeOf(2, { phase: 'ERROR', desired: 1, settled: false, resources: counts(2) }),
    outcomeOf(2, { phase: 'ERROR', desired: 1, settled: false, resources: counts(1) }),
    outcomeOf(2, { phase: 'ERROR', desired: 1, resources: counts(3) }),
  ];
  service.outcomes = () => from(outcomes);
  const lines = linesOf(socket, '/v1/outcome?follow=rest');
  for (const expected of [0, 2, 3, 5]) t.deepEqual((await lines.next()).value, outcomes[expected]);
  await lines.return(undefined);
});

test('a follower of an outcome that cannot be told any more is cut off, and nothing else comes of it', async (t) => {
  const { socket, service } = await served(t);
  service.outcomes = () =>
    concat(
      of(outcomeOf(2)),
      throwError(() => new Error('the database is lost')),
    );
  const lines = linesOf(socket, '/v1/outcome?follow=1');
  await t.throwsAsync(async () => {
    for await (const line of lines) t.like(line as object, { revision: 2 });
  });
  t.is((await ask(socket, 'GET', '/v1/version')).status, 200);
});

test('a stream of the outcome of an unknown revision is refused before it begins', async (t) => {
  const { socket, service } = await served(t);
  service.outcomes = () => {
    throw new Problem(404, 'UnknownRevision', 'there is no revision 9');
  };
  const answer = await ask(socket, 'GET', '/v1/outcome?revision=9&follow=1');
  t.is(answer.status, 404);
  t.like(answer.body, { error: { code: 'UnknownRevision' } });
});

test('[REV-6] a refused revision is answered with 422 and its findings', async (t) => {
  const { socket, service } = await served(t);
  const finding = {
    severity: 'error',
    code: 'BadSubnet',
    pointer: '/device.json',
    found: 'x',
    expected: 'a CIDR',
    message: 'm',
  } as const;
  service.onApply = () => ({ ...emptyOutcome, phase: 'WONTGO', findings: [finding] });
  const answer = await ask(socket, 'POST', '/v1/revisions', '{"state":{}}');
  t.is(answer.status, 422);
  t.like(answer.body, { phase: 'WONTGO', findings: [finding] });
});

test('[REV-3] a patch is told apart from a merge patch by its content type', async (t) => {
  const { socket, service } = await served(t);
  const operations = [{ op: 'remove', path: '/a~1run.json' }];
  await ask(socket, 'PATCH', '/v1/revision', JSON.stringify(operations), 'application/json-patch+json');
  await ask(socket, 'PATCH', '/v1/revision', '{"a":null}', 'application/merge-patch+json; charset=utf-8');
  t.deepEqual(
    service.applied.map(({ change }) => change),
    [
      { type: 'patch', operations: operations as never },
      { type: 'merge', patch: { a: null } },
    ],
  );
  const plain = await ask(socket, 'PATCH', '/v1/revision', '{}');
  t.is(plain.status, 415);
  t.regex(plain.text, /application\/json-patch\+json/);
});

test('the current revision, its outcome and a plan can be asked for', async (t) => {
  const { socket, service } = await served(t);
  service.state = { 'device.json': {} };
  service.planOutcome = {
    steps: [{ action: 'container.stop', key: 'container/a' }],
    findings: [],
    problems: [],
  };
  t.like((await ask(socket, 'GET', '/v1/revision')).body, { state: { 'device.json': {} }, digest: 'd0' });
  t.deepEqual((await ask(socket, 'GET', '/v1/outcome')).body, emptyOutcome);
  const change = { type: 'replace', state: {} } as const;
  t.deepEqual((await ask(socket, 'POST', '/v1/plan', JSON.stringify({ change }))).body, service.planOutcome);
  t.deepEqual(service.planned, [change]);
});

test('resources are listed whole, by kind, and by name or a part of it', async (t) => {
  const { socket, service } = await served(t);
  service.items = webItems;
  const keys = async (query: string): Promise<readonly string[]> =>
    ((await ask(socket, 'GET', `/v1/resources${query}`)).body as { items: { key: string }[] }).items.map(
      ({ key }) => key,
    );
  t.deepEqual(await keys(''), ['pool/internal', 'lease/internal/web/eth0', 'container/web']);
  t.deepEqual(await keys('?kind=lease'), ['lease/internal/web/eth0']);
  t.deepEqual(await keys('?name=web'), ['lease/internal/web/eth0', 'container/web']);
  t.deepEqual(await keys('?kind=lease&name=internal%2Fweb%2Feth0'), ['lease/internal/web/eth0']);
  t.deepEqual(await keys('?kind=pool&name=nothing'), []);
});

test('one resource is described by its key, with slashes encoded or not', async (t) => {
  const { socket, service } = await served(t);
  service.items = webItems;
  service.descriptions = new Map([['container/web', waitingWeb]]);
  t.deepEqual((await ask(socket, 'GET', '/v1/resources/container%2Fweb')).body, waitingWeb);
  t.deepEqual((await ask(socket, 'GET', '/v1/resources/container/web')).body, waitingWeb);
  t.deepEqual((await ask(socket, 'GET', '/v1/resources/container%2Fwbe')).body, {
    error: {
      code: 'UnknownResource',
      message: "there is no resource 'container/wbe'",
      hint: "did you mean 'container/web'?",
    },
  });
});

test('[LINK-3] a link is described by its key, however long its target is', async (t) => {
  const { socket, service } = await served(t);
  // The longest path that Linux takes (PATH_MAX, limits.h), as far from ASCII as it can be.
  for (const target of [rawSpec.target, `/${'\u00e9'.repeat(2_046)}/a`, `/${'%2F/?#'.repeat(682)}a`]) {
    const link = linkItem({ ...rawSpec, target });
    service.descriptions = new Map([[link.key, { ...waitingWeb, ...link }]]);
    const { status, body } = await ask(socket, 'GET', `/v1/resources/${encodeURIComponent(link.key)}`);
    t.deepEqual([status, (body as { key?: string }).key], [200, link.key]);
  }
});

test('[LINK-3] a follower of links by a name learns of those that are gone, if it was told of them', async (t) => {
  const { socket, service } = await served(t);
  const other = linkItem(busSpec);
  service.items = [linkItem(), other];
  const lines = linesOf(socket, '/v1/resources?kind=link&name=raw&follow=1');
  t.deepEqual((await lines.next()).value, { items: [linkItem()] });
  service.changeSubject.next({ key: other.key, item: null });
  service.changeSubject.next({ key: rawKey, item: null });
  t.deepEqual((await lines.next()).value, { key: rawKey, item: null });
  await lines.return(undefined);
});

test('a link is found by what is at its ends, and a mistake in that is told the nearest', async (t) => {
  const { socket, service } = await served(t);
  service.items = [linkItem(), linkItem(busSpec)];
  for (const [name, count] of [
    ['server', 2],
    ['client/raw', 1],
    ['run', 0],
    [rawSpec.target, 1],
  ] as const) {
    const { body } = await ask(socket, 'GET', `/v1/resources?kind=link&name=${encodeURIComponent(name)}`);
    t.is((body as { items: readonly unknown[] }).items.length, count, name);
  }
  const { body } = await ask(socket, 'GET', '/v1/resources/link/clinet/raw');
  t.like(body, { error: { hint: "did you mean 'link/client/raw' or 'link/client'?" } });
});

test('taking everything down is answered with an outcome', async (t) => {
  const { socket, service } = await served(t);
  service.onApply = () => ({ ...emptyOutcome, revision: 9 });
  t.like((await ask(socket, 'POST', '/v1/down')).body, { revision: 9 });
});

const hostile: readonly (readonly [string, string, string, string, number, string, RegExp])[] = [
  ['text that is no JSON', 'POST', '/v1/revisions', '{"state":', 400, 'BadJson', /JSON/],
  ['a body that is no object', 'POST', '/v1/revisions', '[]', 400, 'BadBody', /found an array/],
  [
    'a state that is no object',
    'POST',
    '/v1/revisions',
    '{"state":"x"}',
    400,
    'BadBody',
    /\/state: found .*x/,
  ],
  [
    'a source that is no text',
    'POST',
    '/v1/revisions',
    '{"state":{},"source":1}',
    400,
    'BadBody',
    /\/source/,
  ],
  [
    'a message that is no text',
    'POST',
    '/v1/revisions',
    '{"state":{},"message":{}}',
    400,
    'BadBody',
    /\/message: found an object, expected a text of at most 4096/,
  ],
  [
    'a commit window that is none',
    'POST',
    '/v1/revisions',
    '{"state":{},"commitAfterSeconds":-1}',
    400,
    'BadBody',
    /\/commitAfterSeconds: found -1, expected a number of seconds from 0 to 86400/,
  ],
  [
    'a commit window of more than a day',
    'PATCH',
    '/v1/revision?commitAfterSeconds=86401',
    '{}',
    400,
    'BadQuery',
    /commitAfterSeconds: found ."86401."/,
  ],
  [
    'a commit window that is told twice',
    'PATCH',
    '/v1/revision?commitAfterSeconds=1&commitAfterSeconds=2',
    '{}',
    400,
    'BadQuery',
    /commitAfterSeconds/,
  ],
  [
    'going back to a half',
    'POST',
    '/v1/rollback',
    '{"revision":1.5}',
    400,
    'BadBody',
    /\/revision: found 1.5/,
  ],
  ['going back with an array', 'POST', '/v1/rollback', '[]', 400, 'BadBody', /found an array/],
  [
    'a revision that is no number',
    'GET',
    '/v1/revisions/last',
    '',
    400,
    'BadRevision',
    /found revision .*last/,
  ],
  [
    'an outcome of no number',
    'GET',
    '/v1/outcome?revision=-1',
    '',
    400,
    'BadRevision',
    /found revision .*-1/,
  ],
  ['no body', 'POST', '/v1/revisions', '', 400, 'BadBody', /found nothing/],
  [
    'object names of a wrong type',
    'POST',
    '/v1/objects/missing',
    '{"sha256":[1]}',
    400,
    'BadBody',
    /\/sha256\/0/,
  ],
  ['a plan without a change', 'POST', '/v1/plan', '{}', 400, 'BadBody', /\/change/],
  [
    'a plan of an unknown change',
    'POST',
    '/v1/plan',
    '{"change":{"type":"x"}}',
    400,
    'BadBody',
    /\/change\/type/,
  ],
  ['an object name that climbs', 'PUT', '/v1/objects/..%2f..%2fetc', 'x', 400, 'BadObjectName', /64/],
  ['an unknown kind', 'GET', '/v1/resources?kind=pol', '', 400, 'UnknownKind', /did you mean 'pool'/],
  ['an unknown route', 'GET', '/v2/x', '', 404, 'UnknownRoute', /GET \/v2\/x/],
];
for (const [what, method, path, body, status, code, message] of hostile) {
  test(`[REV-8] ${what} is answered with ${status} ${code}, saying where`, async (t) => {
    const { socket, service, internalErrors } = await served(t);
    const type = method === 'PATCH' ? 'application/merge-patch+json' : undefined;
    const answer = await ask(socket, method, path, body, type);
    t.is(answer.status, status);
    t.is((answer.body as { error: { code: string } }).error.code, code);
    t.regex(answer.text, message);
    t.deepEqual([service.applied, internalErrors], [[], []]);
  });
}

test('[REV-8] a patch that is no array is answered with 400', async (t) => {
  const { socket, service } = await served(t);
  const answer = await ask(socket, 'PATCH', '/v1/revision', '{}', 'application/json-patch+json');
  t.is(answer.status, 400);
  t.regex(
    (answer.body as { error: { message: string } }).error.message,
    /found an object, expected an array/,
  );
  t.deepEqual(service.applied, []);
});

test('[REV-8] hostile content reaches validation as it is, and changes nothing on its way', async (t) => {
  const { socket, service } = await served(t);
  const state = '{"__proto__":{"polluted":true},"a/run.json":{"constructor":{"__proto__":1}}}';
  t.is((await ask(socket, 'POST', '/v1/revisions', `{"state":${state}}`)).status, 200);
  t.is(JSON.stringify(service.applied[0]?.change), `{"type":"replace","state":${state}}`);
  t.false('polluted' in {});
});

test('[REV-8] a JSON body over 16 MiB is refused without being read', async (t) => {
  const { socket } = await served(t);
  const answer = await ask(socket, 'POST', '/v1/revisions', `"${'x'.repeat(MAX_JSON_BYTES)}"`);
  t.is(answer.status, 413);
  t.like(answer.body, { error: { code: 'TooLarge' } });
});

test('an error inside the controller is answered with 500 and told to the one who logs', async (t) => {
  const { socket, service, internalErrors } = await served(t);
  const broken = new Error('disk full');
  service.onApply = () => {
    throw broken;
  };
  const answer = await ask(socket, 'POST', '/v1/down');
  t.is(answer.status, 500);
  t.deepEqual(answer.body, { error: { code: 'Internal', message: 'disk full' } });
  t.deepEqual(internalErrors, [broken]);
});

test('a stream of outcomes begins with the present one and goes on with every change', async (t) => {
  const { socket, service } = await served(t);
  const lines = linesOf(socket, '/v1/outcome?follow=1');
  t.deepEqual((await lines.next()).value, emptyOutcome);
  service.outcomeSubject.next({ ...emptyOutcome, revision: 2 });
  t.like((await lines.next()).value as object, { revision: 2 });
  await lines.return(undefined);
});

test('a stream of resources begins with those that are there and goes on with the changes of those asked for', async (t) => {
  const { socket, service } = await served(t);
  service.items = webItems;
  const lines = linesOf(socket, '/v1/resources?follow=1&kind=container');
  t.deepEqual((await lines.next()).value, { items: [webItems[2]] });
  service.changeSubject.next({ key: 'pool/internal', item: null });
  service.changeSubject.next({ key: 'container/web', item: null });
  t.deepEqual((await lines.next()).value, { key: 'container/web', item: null });
  await lines.return(undefined);
});

test('a stream of events gives each event once, the kept ones first', async (t) => {
  const { socket, service } = await served(t);
  service.kept = [event(1), event(2)];
  t.deepEqual((await ask(socket, 'GET', '/v1/events')).body, { items: service.kept });
  const lines = linesOf(socket, '/v1/events?follow=1');
  t.deepEqual((await lines.next()).value, event(1));
  t.deepEqual((await lines.next()).value, event(2));
  service.eventSubject.next(event(2));
  service.eventSubject.next(event(3));
  t.deepEqual((await lines.next()).value, event(3));
  await lines.return(undefined);
});

test('a reader that leaves is unsubscribed', async (t) => {
  const { socket, service } = await served(t);
  const lines = linesOf(socket, '/v1/outcome?follow=1');
  await lines.next();
  t.true(service.outcomeSubject.observed);
  await lines.return(undefined);
  // One more round trip: the server has seen the end of the other connection by then, or sees it while it serves this.
  for (let round = 0; round < 50 && service.outcomeSubject.observed; round++) {
    await ask(socket, 'GET', '/v1/version');
  }
  t.false(service.outcomeSubject.observed);
});

test('closing the api ends its streams properly', async (t) => {
  const { socket, service, close } = await served(t);
  const lines = linesOf(socket, '/v1/outcome?follow=1');
  await lines.next();
  const ended = lines.next();
  await close();
  t.deepEqual(await ended, { done: true, value: undefined });
  t.false(service.outcomeSubject.observed);
});
