import test from 'ava';
import { lookForMounts, withoutMounts } from '../../../adapters/linux/mount-look.ts';

const list = `20 1 0:30 / / rw,relatime - overlay overlay rw
21 20 0:31 / /proc rw - proc proc rw
22 20 0:32 / /run rw - tmpfs tmpfs rw,size=4k
40 22 0:40 /x.sock /run/a\\040b/x.sock ro,nosuid - tmpfs tmpfs rw
41 22 0:40 /y.sock /run/y.sock ro,nosuid shared:3 - tmpfs tmpfs rw
42 41 0:32 /other /run/y.sock rw - tmpfs tmpfs rw
`;

test('[LINK-10] mounts are found by their ids, with where they are and what is over them', (t) => {
  const { mounted, covered } = lookForMounts(list, new Set([40, 41, 43]));
  t.deepEqual(
    [...mounted],
    [
      [40, '/run/a b/x.sock'],
      [41, '/run/y.sock'],
    ],
  );
  t.deepEqual([...covered], [41]);
});

test('[LINK-10] all other mounts are another text when one comes, goes or is moved, and only then', (t) => {
  const ours = new Set([40, 41]);
  const { others } = lookForMounts(list, ours);
  const changes: Readonly<Record<string, string>> = {
    'one has come': `${list}50 22 0:50 / /run/m rw - tmpfs tmpfs rw\n`,
    'one has gone': list.replace(/^21 .*\n/m, ''),
    'one was moved': list.replace('/run/y.sock rw', '/run/z.sock rw'),
    'one is another': list.replace('21 20', '51 20'),
  };
  for (const [what, changed] of Object.entries(changes))
    t.not(lookForMounts(changed, ours).others, others, what);
  const without = list.replace(/^40 .*\n/m, '').replace('size=4k', 'size=8k');
  t.is(lookForMounts(without, ours).others, others);
});

test('[LINK-11] what a container has mounted itself is what is left without ours', (t) => {
  t.is(withoutMounts(list, new Set()), list);
  const left = withoutMounts(list, new Set([40, 41, 2]));
  t.deepEqual(
    left.split('\n').map((line) => line.split(' ')[0]),
    ['20', '21', '22', '42', ''],
  );
});
