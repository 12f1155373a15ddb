import { readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { ContainerHandle, NoContainer } from '../../../adapters/linux/container-handle.ts';
import { containerRootOf, idMapsOf } from '../../../adapters/linux/id-map.ts';
import { PathRefused } from '../../../adapters/linux/open-in-root.ts';
import { readInRoot } from '../../../adapters/linux/read-in-root.ts';
import { loadSystemCalls } from '../../../adapters/linux/system-calls.ts';
import { begin } from './begin-program.ts';
import { labTest } from './network-bench.ts';
import { type BareContainer, makeRoot, startContainer } from './socket-bench.ts';

const calls = await loadSystemCalls();
const limitBytes = 4096;

function read({ pid }: BareContainer, path = '/etc/passwd'): string | null {
  const handle = new ContainerHandle(pid);
  try {
    return readInRoot({ calls, handle, path, limitBytes });
  } finally {
    handle.close();
  }
}

labTest("[LINK-6] a file of a container's root is read, and one that is not there is null", async (t) => {
  const container = await startContainer(t, await makeRoot(t));
  t.regex(read(container) ?? '', /^root:x:0:0:.*\nnobody:x:65534:/);
  symlinkSync('/etc/passwd', container.at('/run/link'));
  t.is(read(container, '/run/link'), read(container));
  t.is(read(container, '/etc/shadow'), null);
  t.is(read(container, '/etc/passwd/x'), null);
  writeFileSync(container.at('/run/full'), 'x'.repeat(limitBytes));
  t.is(read(container, '/run/full')?.length, limitBytes);
});

/** What a container can have for a file. */
const hostile: Readonly<Record<string, readonly [(container: BareContainer) => unknown, RegExp]>> = {
  'a link through the root of another process': [
    ({ at }) => symlinkSync('/proc/1/root/etc/passwd', at('/run/x')),
    /file system of type proc/,
  ],
  'a FIFO': [({ inside }) => inside('mkfifo', '/run/x'), /is no regular file/],
  'a device that reading would wait for': [
    ({ inside }) => inside('mknod', '/run/x', 'c', '5', '0'),
    /is no regular file/,
  ],
  'a disk': [({ inside }) => inside('mknod', '/run/x', 'b', '7', '0'), /is no regular file/],
  'a directory': [({ inside }) => inside('mkdir', '/run/x'), /is no regular file/],
  'a file without an end': [
    ({ at }) => {
      writeFileSync(at('/run/x'), '');
      truncateSync(at('/run/x'), 2 ** 40);
    },
    /has more than 4096 bytes/,
  ],
  'a file that the kernel makes up': [
    async ({ at, inside }) => {
      writeFileSync(at('/run/x'), '');
      await inside('mkdir', '/run/sys');
      await inside('mount', '-t', 'sysfs', 'sysfs', '/run/sys');
      await inside('mount', '-o', 'bind', '/run/sys/kernel/uevent_seqnum', '/run/x');
    },
    /a file that the kernel makes up|file system of type sysfs/,
  ],
};

for (const [what, [plant, message]] of Object.entries(hostile)) {
  labTest(`[LINK-11] where a file should be, a container has ${what}: nothing of it is read`, async (t) => {
    const container = await startContainer(t, await makeRoot(t));
    await plant(container);
    const before = readdirSync('/proc/self/fd').length;
    t.throws(() => read(container, '/run/x'), { instanceOf: PathRefused, message });
    t.is(readdirSync('/proc/self/fd').length, before);
  });
}

labTest('[LINK-11] an absolute link leads to a file of the container, and to none of the host', async (t) => {
  const container = await startContainer(t, await makeRoot(t));
  symlinkSync(import.meta.filename, container.at('/run/x'));
  t.true(
    readFileSync(container.at('/run/x')).length > 0,
    'the naive way is not fooled: this test shows nothing',
  );
  t.is(read(container, '/run/x'), null);
});

/** Holds a lease on a file for writing (fcntl(2), F_SETLEASE): who opens it for reading waits for 45 s, or is refused. */
const leaser = `
  $| = 1;
  $SIG{IO} = 'IGNORE';
  open(my $file, '+<', $ARGV[0]) or die;
  fcntl($file, 1024, 1) or die "lease: $!";
  print "held\\n";
  sleep 1000;`;

labTest('[LINK-11] a file that is held by a lease is not waited for', async (t) => {
  const container = await startContainer(t, await makeRoot(t));
  writeFileSync(container.at('/run/x'), 'text');
  await begin(t, 'perl', '-e', leaser, container.at('/run/x'));
  const begun = performance.now();
  t.throws(() => read(container, '/run/x'), { code: 'EAGAIN' });
  t.true(performance.now() - begun < 1000);
});

/** Has `$ARGV[0]/x` be now a file, now a FIFO, as fast as it can. */
const swapper = `
  $| = 1;
  use POSIX 'mkfifo';
  chdir $ARGV[0] or die;
  open my $file, '>', 'file'; print $file 'text'; close $file;
  mkfifo('fifo', 0600) or die;
  link 'file', 'x';
  print "begun\\n";
  for (;;) { for my $kind ('fifo', 'file') { link $kind, 'new'; rename 'new', 'x' } }`;

labTest(
  '[LINK-11] a file that is swapped for a FIFO all the time is read, or refused, and never waited for',
  async (t) => {
    const container = await startContainer(t, await makeRoot(t));
    await begin(t, 'perl', '-e', swapper, container.at('/run'));
    const seen = { text: 0, refused: 0 };
    for (let round = 0; (seen.text < 50 || seen.refused < 50) && round < 200_000; round++) {
      try {
        t.is(read(container, '/run/x'), 'text');
        seen.text += 1;
      } catch (error) {
        t.true(error instanceof PathRefused);
        seen.refused += 1;
      }
    }
    t.true(seen.text >= 50 && seen.refused >= 50, JSON.stringify(seen));
  },
);

labTest('[LINK-11] a container that has ended has no files', async (t) => {
  const container = await startContainer(t, await makeRoot(t));
  const handle = new ContainerHandle(container.pid);
  await container.kill();
  t.throws(() => readInRoot({ calls, handle, path: '/etc/passwd', limitBytes }), { instanceOf: NoContainer });
  t.throws(() => idMapsOf(handle), { instanceOf: NoContainer });
  handle.close();
});

for (const [unprivileged, uid] of [
  [false, 0],
  [true, 100_000],
] as const) {
  labTest(
    `[LINK-7] the root of a container ${unprivileged ? 'with users of its own' : "of the host's users"} is ${uid}`,
    async (t) => {
      const container = await startContainer(t, await makeRoot(t), { unprivileged });
      const handle = new ContainerHandle(container.pid);
      t.deepEqual(containerRootOf(idMapsOf(handle)), { uid, gid: uid });
      handle.close();
    },
  );
}
