import { createLinkTargets } from '../../../adapters/linux/mounted-link-targets.ts';
import { systemClock } from '../../../controller/clock.ts';

/**
 * A process that places one source after the other at a target, and ends: `place-links.ts ROOT PID TARGET SOURCE…`; the word `clear` stands for
 * clearing it, `remove` for removing it.
 */

const [, , root = '', pid = '', path = '', ...sources] = process.argv;
const target = { container: 'client', target: path };
const links = createLinkTargets({ root, after: systemClock().after, isInit: () => true });
await links.attend();
links.moved('client', Number(pid));
for (const source of sources) {
  if (source === 'clear') await links.clear(target);
  else if (source === 'remove') await links.remove(target);
  else await links.place(target, { path: source, type: 'socket' });
}
links.close();
