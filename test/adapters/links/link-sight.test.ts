import test from 'ava';
import { type LinkRecord, noFormer } from '../../../adapters/links/link-record.ts';
import { type LinkParts, sightOf } from '../../../adapters/links/link-sight.ts';
import { digestOf } from '../../../state/json.ts';
import { type LinkSpec, linkKey } from '../../../state/resource.ts';

function recordOf(type: LinkSpec['type'], about: Partial<LinkRecord> = {}): LinkRecord {
  const spec: LinkSpec = {
    type,
    service: 's',
    consumer: 'client',
    provider: 'server',
    socket: '/run/s',
    target: '/run/t',
    role: 'any',
    interface: null,
  };
  const ends = { provider: 10, consumer: 20 };
  const key = linkKey('client', '/run/t');
  return {
    key,
    spec,
    digest: digestOf(spec),
    carrier: 'kernel',
    ends,
    sourceInode: 7,
    front: null,
    device: null,
    former: noFormer,
    ...about,
  };
}

const shown = { state: 'shown', device: 5, inode: 7, node: null } as const;
const placed = { state: 'placed', device: 5, inode: 7 } as const;
const absent = { state: 'absent', why: "there is no /run/s in container 'server'" } as const;
const lost = { state: 'lost', why: 'it was unmounted' } as const;
const front = { inode: 9, problem: null } as const;
const node = { ...shown, node: { major: 10, minor: 229 } } as const;
const fuse = { device: { major: 10, minor: 229 } } as const;
const atFront = { ...placed, inode: 9 } as const;

const cases: readonly (readonly [
  title: string,
  record: LinkRecord,
  parts: Omit<LinkParts, 'pidOf'>,
  drift: string[],
  awaits: string | null,
])[] = [
  ['a mounted socket holds', recordOf('unix'), { source: shown, target: placed, front: null }, [], null],
  [
    'one whose provider is not followed is believed',
    recordOf('unix'),
    { source: null, target: placed, front: null },
    [],
    null,
  ],
  [
    'a provider without its socket is awaited',
    recordOf('unix'),
    { source: absent, target: lost, front: null },
    [],
    absent.why,
  ],
  [
    'what a provider had and a consumer still has is drift',
    recordOf('unix'),
    { source: absent, target: placed, front: null },
    ['what its provider had is still at its target'],
    absent.why,
  ],
  [
    'so is a device that a consumer may still open',
    recordOf('drm', fuse),
    { source: absent, target: lost, front: null },
    ['its consumer may still open the device 10:229'],
    absent.why,
  ],
  [
    'and one of before',
    recordOf('drm', { former: { fronts: [], devices: [fuse.device] } }),
    { source: absent, target: lost, front: null },
    ['its consumer may still open the device 10:229'],
    absent.why,
  ],
  [
    'a socket made anew is drift',
    recordOf('unix'),
    { source: { ...shown, inode: 8 }, target: placed, front: null },
    ['the provider has made its socket anew'],
    null,
  ],
  [
    'one of another file system is, too',
    recordOf('unix'),
    { source: { ...shown, device: 6 }, target: placed, front: null },
    ['the provider has made its socket anew'],
    null,
  ],
  [
    'what the consumer has taken away is drift',
    recordOf('unix'),
    { source: shown, target: lost, front: null },
    [lost.why],
    null,
  ],
  [
    'what was never placed is drift',
    recordOf('unix'),
    { source: shown, target: null, front: null },
    ['nothing is at its target'],
    null,
  ],
  [
    'a source that can not be had is drift',
    recordOf('unix'),
    { source: { state: 'refused', why: 'it is a FIFO' }, target: placed, front: null },
    ['it is a FIFO'],
    null,
  ],
  [
    'nothing is missing at a consumer that does not run',
    recordOf('unix'),
    { source: shown, target: { state: 'away' }, front: null },
    [],
    null,
  ],
  [
    'one that was not made to its end is drift',
    recordOf('unix', { ends: null }),
    { source: shown, target: placed, front: null },
    ['it was not made to its end'],
    null,
  ],
  ['a process that serves it holds', recordOf('rest'), { source: shown, target: atFront, front }, [], null],
  [
    'it is there while its provider is not',
    recordOf('rest'),
    { source: absent, target: atFront, front },
    [],
    absent.why,
  ],
  [
    'it has to be there then',
    recordOf('rest'),
    { source: absent, target: null, front },
    ['nothing is at its target'],
    absent.why,
  ],
  [
    'a process that does not serve it is drift',
    recordOf('dbus'),
    { source: shown, target: atFront, front: { inode: 9, problem: 'it does not run' } },
    ['it does not run'],
    null,
  ],
  [
    'a process that listens at another socket is drift',
    recordOf('dbus'),
    { source: shown, target: atFront, front: { inode: 11, problem: null } },
    ['the process that carries it listens at a socket made anew'],
    null,
  ],
  [
    'a device holds, whatever the inode of its node',
    recordOf('drm', fuse),
    { source: node, target: { ...placed, inode: 99 }, front: null },
    [],
    null,
  ],
  [
    'another device is drift',
    recordOf('drm', fuse),
    { source: { ...node, node: { major: 10, minor: 200 } }, target: placed, front: null },
    ['the provider has another device there now, 10:200'],
    null,
  ],
];

for (const [title, record, parts, drift, awaits] of cases) {
  test(`[LINK-10] ${title}`, (t) => {
    const seen = sightOf(record, { ...parts, pidOf: () => undefined });
    t.deepEqual(seen.drift, drift);
    t.is(seen.facts.awaits, awaits);
  });
}

test('[LINK-3] a link is seen with both of its ends', (t) => {
  const { facts } = sightOf(recordOf('drm', { ...fuse, carrier: 'kernel' }), {
    source: node,
    target: placed,
    front: null,
    pidOf: () => undefined,
  });
  t.deepEqual(facts, {
    carrier: 'kernel',
    provider: { pid: 10, inode: 7 },
    consumer: { pid: 20, inode: 7 },
    awaits: null,
    device: '10:229',
  });
});

const former: readonly (readonly [
  title: string,
  pids: Readonly<Record<string, number | null>>,
  drift: readonly string[],
])[] = [
  ['runs as it did', { server: 10, client: 20 }, []],
  [
    'has a provider that ended',
    { server: null, client: 20 },
    ["container 'server' does not run any more as it did"],
  ],
  [
    'has a consumer that runs anew',
    { server: 10, client: 21 },
    ["container 'client' does not run any more as it did"],
  ],
];

for (const [title, pids, drift] of former) {
  test(`[LINK-10] a link that ${title} says so`, (t) => {
    const parts = { source: shown, target: placed, front: null, pidOf: (name: string) => pids[name] };
    t.deepEqual(sightOf(recordOf('unix'), parts).drift, drift);
  });
}

test('[LINK-10] who is not followed is believed to have what he had', (t) => {
  const parts = { source: null, target: placed, front: null, pidOf: () => undefined };
  const { drift, facts } = sightOf(recordOf('unix'), parts);
  t.deepEqual([drift, facts.provider.inode], [[], 7]);
});
