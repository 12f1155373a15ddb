import test from 'ava';
import { roleUser, unknownUser } from '../../../adapters/links/role-user.ts';

const passwd = [
  'root:x:0:0:root:/root:/bin/sh',
  'operator:x:1000:100::/home/operator:/bin/sh',
  'operator:x:0:0:a second one:/:/bin/sh',
  'broken:x:-1:0::/:/bin/sh',
  'big:x:4294967295:0::/:/bin/sh',
  'words:x:12ab:0::/:/bin/sh',
  'short',
  ':x:7:7::/:/bin/sh',
].join('\n');

const cases: readonly (readonly [role: string, text: string | null, user: number, why: string])[] = [
  ['root', passwd, 0, 'by name'],
  ['operator', passwd, 1000, 'the first of two counts'],
  ['any', passwd, unknownUser, 'no such user'],
  ['1234', passwd, 1234, 'a number is the id, whether there is such a user or not'],
  ['0', null, 0, 'a number needs no file'],
  ['4294967294', null, 4_294_967_294, 'the highest id'],
  ['4294967295', null, unknownUser, 'that one means none'],
  ['99999999999999999999', null, unknownUser, 'no id'],
  ['broken', passwd, unknownUser, 'a line with a negative id'],
  ['big', passwd, unknownUser, 'a line with the id that means none'],
  ['words', passwd, unknownUser, 'a line whose id is none'],
  ['short', passwd, unknownUser, 'a line without an id'],
  ['root', null, unknownUser, 'no file'],
  ['', passwd, 7, 'an empty name is a name like any other; no role is empty'],
];

for (const [role, text, user, why] of cases) {
  test(`[LINK-6] the role '${role}' is user ${user}: ${why}`, (t) => {
    t.is(roleUser(role, text).uid, user);
  });
}

const groups: readonly (readonly [role: string, text: string | null, group: number, why: string])[] = [
  ['operator', passwd, 100, 'as its line says'],
  ['1000', passwd, 100, 'also by its number'],
  ['4242', passwd, unknownUser, 'a number without a line'],
  ['any', passwd, unknownUser, 'no such user'],
  ['lame', 'lame:x:7:x::/:', unknownUser, 'a line whose group is none'],
];

for (const [role, text, group, why] of groups) {
  test(`[LINK-6] the role '${role}' has the group ${group}: ${why}`, (t) => {
    t.is(roleUser(role, text).gid, group);
  });
}
