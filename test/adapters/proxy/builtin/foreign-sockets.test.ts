import test from 'ava';
import { overlap } from '../../../../adapters/proxy/builtin/foreign-sockets.ts';

test('two sockets overlap where a connection could come to either', (t) => {
  const at = (address: string, port = 80) => ({ address, port });
  t.true(overlap(at('10.0.0.1'), at('10.0.0.1')));
  t.true(overlap(at('0.0.0.0'), at('10.0.0.1')));
  t.true(overlap(at('::1'), at('::')));
  t.false(overlap(at('10.0.0.1'), at('10.0.0.2')));
  t.false(overlap(at('0.0.0.0'), at('::')));
  t.false(overlap(at('10.0.0.1'), at('10.0.0.1', 81)));
});
