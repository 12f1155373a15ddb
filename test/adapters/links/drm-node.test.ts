import test from 'ava';
import { isDrmNodeOf } from '../../../adapters/links/drm-node.ts';

const cases: readonly (readonly [path: string, major: number, minor: number, named: boolean])[] = [
  ['/dev/dri/card0', 226, 0, true],
  ['/dev/dri/card12', 226, 12, true],
  ['/dev/dri/renderD128', 226, 128, true],
  ['/run/gpu/renderD129', 226, 129, true],
  ['/dev/dri/renderD128', 226, 0, false],
  ['/dev/dri/card0', 226, 128, false],
  ['/dev/dri/card0', 10, 0, false],
  ['/dev/dri/card00', 226, 0, false],
  ['/dev/dri/card', 226, 0, false],
  ['/dev/dri/card0/node', 226, 0, false],
  ['/dev/dri/mycard0', 226, 0, false],
  ['/dev/dri/controlD64', 226, 64, false],
];

for (const [path, major, minor, named] of cases) {
  test(`[LINK-7] ${path} ${named ? 'names' : 'does not name'} the device ${major}:${minor}`, (t) => {
    t.is(isDrmNodeOf(path, { major, minor }), named);
  });
}
