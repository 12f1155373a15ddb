import test from 'ava';
import { forwardedPath, inMatchingOrder, matchRoute } from '../../state/routes.ts';

const routes = inMatchingOrder([
  { name: 'all', host: null, path: '' },
  { name: 'api', host: null, path: '/api' },
  { name: 'v1', host: null, path: '/api/v1' },
  { name: 'below', host: '*.example', path: '' },
  { name: 'host', host: 'a.example', path: '/only' },
]);

const matches: readonly (readonly [host: string, path: string, expected: string | null])[] = [
  ['x', '/', 'all'],
  ['x', '/api', 'api'],
  ['x', '/api/', 'api'],
  ['x', '/api/v1/x', 'v1'],
  ['x', '/api/v10', 'api'],
  ['x', '/apix', 'all'],
  ['x', '/API', 'all'],
  ['b.example', '/api', 'below'],
  ['B.EXAMPLE', '/', 'below'],
  ['c.b.example', '/', 'below'],
  ['example', '/', 'all'],
  ['.example', '/', 'all'],
  ['a.example', '/only/this', 'host'],
  ['a.example', '/other', 'below'],
  ['', '/', 'all'],
];

for (const [host, path, expected] of matches) {
  test(`[ING-6] ${path} of '${host}' goes to the route '${expected}'`, (t) => {
    t.is(matchRoute(routes, host, path)?.name ?? null, expected);
  });
}

test('[ING-6] without a route for every path, others have none', (t) => {
  const api = [{ host: null, path: '/api' }];
  t.is(matchRoute(api, 'x', '/apix'), null);
  t.is(matchRoute(api, 'x', '/'), null);
});

const forwarded: readonly (readonly [prefix: string, keepPrefix: boolean, path: string, expected: string])[] =
  [
    ['/api', false, '/api/x', '/x'],
    ['/api', false, '/api', '/'],
    ['/api', false, '/api/', '/'],
    ['/api', true, '/api/x', '/api/x'],
    ['', false, '/x', '/x'],
  ];

for (const [path, keepPrefix, request, expected] of forwarded) {
  test(`[ING-6] ${request} is passed on as ${expected} with prefix '${path}' ${keepPrefix ? 'kept' : 'stripped'}`, (t) => {
    t.is(forwardedPath({ path, keepPrefix }, request), expected);
  });
}
