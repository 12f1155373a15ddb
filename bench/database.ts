import { mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database } from '../controller/database.ts';
import type { RevisionFact, VerdictFact } from '../controller/input.ts';
import type { Json } from '../state/json.ts';
import type { HeldLease } from '../state/revision.ts';
import type { EventRecord } from '../state/status.ts';
import { StateTree } from '../state/tree.ts';
import { median, type Reading, reading, timed } from './measure.ts';
import { twoPools } from './revisions.ts';

/** Two pools and 99 containers with their leases: 200 resources. */
const containers = 99;
const revisions = 10_000;
const revisionsOnDisk = 1_000;
const eventsOfRevision = 8;

/** By FHS it survives a reboot, so it is no tmpfs as `/tmp` may be; a lab's own temporary directory is one. */
const directoryOnDisk = '/var/tmp';

/** Type of a tmpfs (statfs(2)). */
const tmpfs = 0x0102_1994;

const lease = (number: number, revision: number): HeldLease => ({
  pool: 'one',
  container: `b${number}`,
  interface: 'eth0',
  address: `10.78.${1 + (revision % 200)}.${number}`,
});

/** As a device sees them: one container changes, every hundredth revision all of them. */
function changesOf(revision: number): ReadonlyMap<string, Json> {
  const document = (number: number): Json => ({
    '#spec': 'service-manifest-run@1',
    name: `b${number}`,
    type: 'lxc',
    'root-volume': 'dir:/srv/root',
    network: { pool: 'one', hostname: `b${number}-at-${revision}` },
  });
  const all = Array.from({ length: containers }, (_, index) => index + 1);
  const changed = revision % 100 === 0 ? all : [1 + (revision % containers)];
  return new Map(changed.map((number) => [`b${number}/run.json`, document(number)]));
}

function eventsOf(revision: number): readonly EventRecord[] {
  return Array.from({ length: eventsOfRevision }, (_, index) => ({
    sequence: (revision - 1) * eventsOfRevision + index + 1,
    at: revision,
    key: `container/b${1 + (revision % containers)}`,
    severity: 'normal',
    reason: 'StepDone',
    message: 'container.start took 312 ms',
    cause: { trigger: { type: 'revision', revision }, via: [] },
  }));
}

function acceptedOf(revision: number, tree: StateTree): RevisionFact {
  const held = [lease(1 + (revision % containers), revision)];
  return {
    type: 'revision',
    revision,
    digest: tree.digest,
    source: 'bench',
    message: `number ${revision}`,
    at: revision,
    tree,
    leases: { held, released: [] },
    standing: 'trying',
    failure: null,
    ends: null,
  };
}

/** Every tenth revision fails. */
function verdictOf(revision: number): VerdictFact {
  if (revision % 10 !== 0)
    return { type: 'verdict', verdict: { revision, phase: 'DONE', at: revision, failure: null } };
  const failure = {
    code: 'ContainerExited',
    key: 'container/b1',
    message: 'b1 exited',
    at: revision,
  } as const;
  return { type: 'verdict', verdict: { revision, phase: 'ERROR', at: revision, failure } };
}

/** What a database takes of the disk with all that belongs to it. */
function mebibytesIn(directory: string): number {
  const sizes = readdirSync(directory).map((name) => statSync(join(directory, name)).size);
  return sizes.reduce((sum, size) => sum + size, 0) / 1024 / 1024;
}

/** How long the two commits of a revision take, milliseconds, and the size after all of them. */
interface Committed {
  readonly tookMs: number;
  readonly mebibytes: number;
}

async function commitAll(directory: string, count: number): Promise<Committed> {
  const database = Database.open(join(directory, 'holdfast.db'));
  const took: number[] = [];
  let tree = StateTree.empty.replacedBy(twoPools(containers, 'dir:/srv/root'));
  for (let revision = 1; revision <= count; revision += 1) {
    tree = tree.with(changesOf(revision));
    const accepted = acceptedOf(revision, tree);
    const verdict = verdictOf(revision);
    const commits = () => {
      database.persist(accepted);
      database.note(eventsOf(revision));
      database.persist(verdict);
    };
    took.push(await timed(commits));
  }
  // Before closing it, which empties the log.
  const mebibytes = mebibytesIn(directory);
  database.close();
  return { tookMs: median(took), mebibytes };
}

async function inDirectoryOf<Result>(
  parent: string,
  work: (directory: string) => Promise<Result>,
): Promise<Result> {
  const directory = mkdtempSync(join(parent, 'bench-'));
  const place = join(directory, 'database');
  mkdirSync(place, { mode: 0o700 });
  try {
    return await work(place);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What making revisions durable costs, and what remains of them. The many are made where it is fast: their size is the same. */
export async function database(): Promise<readonly Reading[]> {
  const many = await inDirectoryOf(tmpdir(), (place) => commitAll(place, revisions));
  const onDisk = await inDirectoryOf(directoryOnDisk, (place) => commitAll(place, revisionsOnDisk));
  const isTmpfs = statfsSync(tmpdir()).type === tmpfs;
  const peer = { name: isTmpfs ? 'the same on tmpfs' : `the same in ${tmpdir()}`, value: many.tookMs };
  const where = 'a state of 200 resources';
  const name = `two commits of an apply on disk, one container changed in ${where}`;
  const size = `database after ${revisions.toLocaleString('en')} revisions of ${where}`;
  return [
    reading({ name, unit: 'ms', peer, limit: { of: 'value', atMost: 15 } }, onDisk.tookMs),
    reading({ name: size, unit: 'MiB', limit: { of: 'value', atMost: 32 } }, many.mebibytes),
  ];
}
