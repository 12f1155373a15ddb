import { createHash } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { gatherFacts } from '../../controller/facts.ts';
import { objectFiles } from '../../controller/object-files.ts';
import { ObjectStore } from '../../controller/objects.ts';
import { MAX_CONFIG_CHARACTERS } from '../../state/limits.ts';
import { DesiredStore } from '../../state/store.ts';
import { revisionOf } from './rig.ts';

const sha256Of = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');

async function scratch(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-facts-'));
  t.teardown(() => rm(directory, { recursive: true }));
  return directory;
}

/** A revision whose one container is configured by this object. */
const configuredBy = (sha256: string) => ({
  ...revisionOf({}, { web: null }),
  'web/lxc.container.conf': sha256,
});

const hostile: readonly (readonly [title: string, content: Uint8Array, found: RegExp])[] = [
  ['larger than any configuration', Buffer.alloc(3 * MAX_CONFIG_CHARACTERS + 1, '#'), /bytes in object/],
  ['not UTF-8', Buffer.from([0x23, 0xff, 0xfe, 0x0a]), /bytes that are not UTF-8/],
];

for (const [title, content, found] of hostile) {
  test(`[REV-8] a configuration that is ${title} is a finding, from the object store and from files`, async (t) => {
    const directory = await scratch(t);
    const sha256 = sha256Of(content);
    const objects = await ObjectStore.open(join(directory, 'objects'));
    await objects.put(sha256, Readable.from([content]));
    const store = new DesiredStore();
    const draft = store.draft({ type: 'replace', state: configuredBy(sha256) });
    for (const lookup of [objects, objectFiles(() => objects.path(sha256))]) {
      const { accepted, findings } = store.propose(draft, await gatherFacts(draft.objects, lookup));
      t.false(accepted);
      t.deepEqual(
        findings.map(({ code, pointer, severity }) => ({ code, pointer, severity })),
        [{ code: 'ObjectUnusable', pointer: '/web~1lxc.container.conf', severity: 'error' }],
      );
      t.regex(findings[0]?.message ?? '', found);
    }
  });
}

test('[REV-6] [REV-8] a damaged configuration is a finding, and is asked for again', async (t) => {
  const directory = await scratch(t);
  const content = Buffer.from('lxc.init.cmd = /bin/app\n');
  const sha256 = sha256Of(content);
  const objects = await ObjectStore.open(join(directory, 'objects'));
  await objects.put(sha256, Readable.from([content]));
  await chmod(objects.path(sha256), 0o600);
  await writeFile(objects.path(sha256), 'lxc.init.cmd = /bin/evil\n');
  const store = new DesiredStore();
  const draft = store.draft({ type: 'replace', state: configuredBy(sha256) });
  const refused = store.propose(draft, await gatherFacts(draft.objects, objects));
  t.deepEqual(
    refused.findings.map(({ code }) => code),
    ['ObjectUnusable'],
  );
  t.deepEqual(await objects.missing([sha256]), [sha256], 'so that it is sent again');
  await objects.put(sha256, Readable.from([content]));
  t.true(store.propose(draft, await gatherFacts(draft.objects, objects)).accepted);
});

test('what the system does not let be read is an error, and no finding', async (t) => {
  const reference = { sha256: '0'.repeat(64), pointer: '/web~1lxc.container.conf', text: true };
  const lookup = {
    missing: () => Promise.resolve([]),
    readText: () => Promise.reject(new Error('EIO: i/o error, read')),
  };
  await t.throwsAsync(gatherFacts([reference], lookup), { message: /EIO/ });
});
