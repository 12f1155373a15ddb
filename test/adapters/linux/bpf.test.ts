import test from 'ava';
import { loadProgram } from '../../../adapters/linux/bpf.ts';
import { SystemCallError } from '../../../adapters/linux/system-calls.ts';

/** A kernel that answers so many calls with an error, and the next with a descriptor. */
function kernel(errors: number, code: string) {
  const state = { calls: 0 };
  const bpf = (): number => {
    state.calls += 1;
    if (state.calls <= errors) throw new SystemCallError('bpf', code);
    return 7;
  };
  return { state, calls: { bpf, address: () => 0n, close: () => undefined } };
}

const program = { instructions: new Uint8Array(16), isGpl: true };

for (const code of ['EAGAIN', 'EWOULDBLOCK']) {
  test(`[LINK-7] a program whose verification a signal has cut off is loaded again: ${code}`, (t) => {
    const { state, calls } = kernel(4, code);
    t.is(loadProgram(calls, program), 7);
    t.is(state.calls, 5);
  });
}

test('[LINK-7] a program that is cut off again and again is given up', (t) => {
  const { state, calls } = kernel(5, 'EAGAIN');
  t.throws(() => loadProgram(calls, program), { instanceOf: SystemCallError, message: /EAGAIN/ });
  t.is(state.calls, 5);
});

test('[LINK-7] a program that the kernel refuses is not tried again', (t) => {
  const { state, calls } = kernel(1, 'EACCES');
  t.throws(() => loadProgram(calls, program), { instanceOf: SystemCallError, message: /EACCES/ });
  t.is(state.calls, 1);
});
