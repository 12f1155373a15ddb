import test from 'ava';
import { rootOf, spokenCause, why } from '../../controller/why.ts';
import type { Key } from '../../state/resource.ts';
import type { Phase, Status } from '../../state/status.ts';

const revision = { trigger: { type: 'revision', revision: 7 }, via: [] } as const;

function status(phase: Phase, message: string, waitsFor: readonly Key[] = []): Status {
  return { phase, reason: 'R', message, since: 0, attempts: 0, revision: 7, cause: revision, waitsFor };
}

const chain = new Map<Key, Status>([
  ['container/web', status('Waiting', 'what it stands on is not there', ['pool/lan', 'lease/lan/web/eth0'])],
  ['lease/lan/web/eth0', status('Waiting', 'its pool is not there', ['pool/lan'])],
  ['pool/lan', status('Failed', 'ip: RTNETLINK answers: no\nlog line')],
  ['pool/ok', status('Ready', 'as desired')],
]);
const lookup = (key: Key) => chain.get(key);

test('[ENG-9] the reason of a waiting resource names the root, not the last domino', (t) => {
  t.is(
    why('container/web', lookup),
    "pool 'lan' is Failed: ip: RTNETLINK answers: no; container 'web' is Waiting because of it (since revision 7)",
  );
  t.deepEqual(rootOf('lease/lan/web/eth0', lookup), { key: 'pool/lan', path: ['lease/lan/web/eth0'] });
});

test('[ENG-9] a resource that waits for nobody speaks for itself', (t) => {
  t.is(why('pool/ok', lookup), "pool 'ok' is Ready: as desired (since revision 7)");
  t.is(why('pool/none', lookup), "pool 'none' is not known");
});

test('[ENG-8] the reason of a blocked resource names the holder', (t) => {
  const blocked = status('Blocked', 'already in use', ['lease/lan/db/eth0']);
  const text = "container 'web' is Blocked: already in use, held by lease 'lan/db/eth0' (since revision 7)";
  t.is(
    why('container/web', () => blocked),
    text,
  );
});

test('[ENG-9] resources that wait for each other end the search', (t) => {
  const circle = new Map<Key, Status>([
    ['lease/a/x/eth0', status('Waiting', 'm', ['lease/a/y/eth0'])],
    ['lease/a/y/eth0', status('Waiting', 'm', ['lease/a/x/eth0'])],
  ]);
  t.is(rootOf('lease/a/x/eth0', (key) => circle.get(key)).key, 'lease/a/y/eth0');
});

const links = new Map<Key, Status>([
  ['link/client/run/raw.sock', status('Waiting', 'its provider does not run', ['container/server'])],
  ['container/client', status('Waiting', 'what it stands on is not there', ['container/server'])],
  ['container/server', status('Waiting', 'what it stands on is not there', ['container/gpu'])],
  ['container/gpu', status('Failed', 'exited with code 3\nlog line')],
  ['link/server/dev/card0', status('Ready', 'as desired')],
]);

test('[LINK-8] a link that waits for a provider that waits for its own provider names the root of it', (t) => {
  t.is(
    why('link/client/run/raw.sock', (key) => links.get(key)),
    "container 'gpu' is Failed: exited with code 3; link of container 'client' at /run/raw.sock is Waiting because of it, " +
      "through container 'server' (since revision 7)",
  );
});

test('[LINK-8] of a long chain of services those next to the root are named, and the others counted', (t) => {
  const length = 20_000;
  const key = (place: number): Key => `container/c${place}`;
  const statusOf = (of: Key): Status => {
    const place = Number(of.slice('container/c'.length));
    return place === 0 ? status('Failed', 'exited') : status('Waiting', 'm', [key(place - 1)]);
  };
  t.is(
    why(key(length), statusOf),
    "container 'c0' is Failed: exited; container 'c20000' is Waiting because of it, through container 'c1', container 'c2', " +
      "container 'c3', container 'c4', container 'c5', container 'c6' and 19993 more (since revision 7)",
  );
});

test('a link is spoken of by its consumer and where that has it', (t) => {
  t.is(
    why('link/server/dev/card0', (key) => links.get(key)),
    "link of container 'server' at /dev/card0 is Ready: as desired (since revision 7)",
  );
});

const spoken: readonly [Status['cause'], string][] = [
  [{ trigger: { type: 'start' }, via: [] }, 'since the controller started'],
  [
    { trigger: { type: 'revision', revision: 2 }, via: ['pool/lan', 'lease/lan/db/eth0'] },
    "since revision 2 through pool 'lan', lease 'lan/db/eth0'",
  ],
  [
    { trigger: { type: 'drift', key: 'pool/lan', detail: 'bridge pvbr0 is missing' }, via: [] },
    "since pool 'lan' changed behind our back (bridge pvbr0 is missing)",
  ],
  [
    { trigger: { type: 'rollback', from: 8, to: 7 }, via: ['pool/lan'] },
    "since revision 8 did not hold and revision 7 is desired again through pool 'lan'",
  ],
];

for (const [cause, text] of spoken) {
  test(`[ENG-9] a cause is told as "${text}"`, (t) => t.is(spokenCause(cause), text));
}
