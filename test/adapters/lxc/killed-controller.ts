import { createLxcAdapter } from '../../../adapters/lxc/lxc-adapter.ts';
import { systemClock } from '../../../controller/clock.ts';
import { container, start } from '../../contract/fixtures.ts';

/** A controller's worth of process, to be killed: watches, starts a container, prints its pid, and stays. */

const [, , directory = ''] = process.argv;
const path = process.env.HOLDFAST_TEST_ROOT ?? '';
const adapter = createLxcAdapter({
  root: directory,
  objects: (sha256) => sha256,
  after: systemClock().after,
});
adapter.watch().subscribe();
const result = await adapter.apply(start(container('survivor', { type: 'directory', path }, [])));
const facts = result.observations[0]?.observed?.facts as { readonly pid: number } | undefined;
process.stdout.write(`${facts?.pid}\n`);
setInterval(() => undefined, 1_000_000);
