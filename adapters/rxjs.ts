import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type * as Rxjs from 'rxjs';

/**
 * RxJS, as far as the project uses it. Imported by its name it comes as 234 small files, which cost a tenth of a second of every start;
 * the same release has all of it in one file, which its `exports` do not name (docs/decisions/rxjs-in-one-file.md).
 */
const require = createRequire(import.meta.url);
const bundle = join(dirname(require.resolve('rxjs/package.json')), 'dist/bundles/rxjs.umd.min.js');

export type Observable<T> = Rxjs.Observable<T>;
export type Subject<T> = Rxjs.Subject<T>;
export type Subscription = Rxjs.Subscription;

export const {
  concat,
  concatMap,
  debounce,
  distinctUntilChanged,
  filter,
  finalize,
  firstValueFrom,
  from,
  fromEvent,
  map,
  merge,
  mergeAll,
  mergeMap,
  Observable,
  of,
  race,
  retry,
  share,
  startWith,
  Subject,
  takeUntil,
  throwError,
} = require(bundle) as typeof Rxjs;
