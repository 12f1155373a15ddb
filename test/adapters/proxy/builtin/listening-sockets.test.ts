import test from 'ava';
import { overlap, readListeningSockets } from '../../../../adapters/proxy/builtin/listening-sockets.ts';

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:A3B2 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000 20 4 30 10 -1
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000000000000000 100 0 0 10 0
`;
const table6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: B80D0120000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4714 1 0000000000000000 100 0 0 10 0
   1: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4715 1 0000000000000000 100 0 0 10 0
`;

test('the kernel’s tables of sockets are read: those that listen, of both families', (t) => {
  t.deepEqual(
    [table, table6].flatMap((text) => readListeningSockets(text)),
    [
      { address: '127.0.0.1', port: 8080, inode: '4711' },
      { address: '0.0.0.0', port: 22, inode: '4713' },
      { address: '2001:db8::1', port: 80, inode: '4714' },
      { address: '::', port: 80, inode: '4715' },
    ],
  );
  t.deepEqual(readListeningSockets(''), []);
});

test('two sockets overlap where a connection could come to either', (t) => {
  const at = (address: string, port = 80) => ({ address, port });
  t.true(overlap(at('10.0.0.1'), at('10.0.0.1')));
  t.true(overlap(at('0.0.0.0'), at('10.0.0.1')));
  t.true(overlap(at('::1'), at('::')));
  t.false(overlap(at('10.0.0.1'), at('10.0.0.2')));
  t.false(overlap(at('0.0.0.0'), at('::')));
  t.false(overlap(at('10.0.0.1'), at('10.0.0.1', 81)));
});
