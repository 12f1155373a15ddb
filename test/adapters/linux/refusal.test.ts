import test from 'ava';
import { TargetRefused } from '../../../adapters/linux/link-targets.ts';
import { PathRefused } from '../../../adapters/linux/open-in-root.ts';
import { PathTooLong, TooManyLinks } from '../../../adapters/linux/path-walk.ts';
import { refusalOf } from '../../../adapters/linux/refusal.ts';
import { SystemCallError } from '../../../adapters/linux/system-calls.ts';

const target = { container: 'client', target: '/run/x.sock' };
const withCode = (code: string) => Object.assign(new Error(code), { code });

test('[LINK-11] what will be the same however often it is tried is a refusal, in words', (t) => {
  const refused = {
    EROFS: /its file system is read-only; expected one where a file can be made/,
    ENOTDIR: /leads through something that is no directory/,
    EACCES: /may not make a file there/,
    EPERM: /no file can be made there/,
    ENAMETOOLONG: /at most 255 bytes/,
    EOVERFLOW: /takes no files of the container's root user/,
  };
  for (const [code, words] of Object.entries(refused)) {
    const error = refusalOf(target, withCode(code));
    t.true(error instanceof TargetRefused && error.code === 'LinkTargetRefused', code);
    t.regex(`${error}`, words);
    t.regex(`${error}`, /\/run\/x\.sock of container 'client' can't be had: /);
  }
  for (const error of [new PathRefused('leads out'), new TooManyLinks('too many'), new PathTooLong('long')])
    t.regex(`${refusalOf(target, error)}`, new RegExp(`can't be had: ${error.message}`));
});

test('[ENG-3] what may be another time stays as it is', (t) => {
  const taken = new TargetRefused('LinkTargetTaken', 'taken');
  for (const error of [
    withCode('ENOSPC'),
    withCode('EMFILE'),
    new SystemCallError('move_mount', 'EPERM'),
    new Error('x'),
    taken,
  ])
    t.is(refusalOf(target, error), error);
});
