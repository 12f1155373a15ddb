import type { Cause, EventRecord, Trigger } from '../../../state/status.ts';
import type { Terminal } from '../terminal.ts';
import { instant, printable } from './text.ts';

function triggerText(trigger: Trigger): string {
  switch (trigger.type) {
    case 'start':
      return 'start of the controller';
    case 'revision':
      return `revision ${trigger.revision}`;
    case 'drift':
      return `drift of ${trigger.key} (${trigger.detail})`;
    case 'retry':
      return `retry ${trigger.attempt} of ${trigger.key}`;
    case 'resync':
      return 'resync';
    case 'down':
      return 'down';
    case 'rollback':
      return `rollback from revision ${trigger.from} to ${trigger.to}`;
  }
}

/** `revision 7 → pool/internal → lease/internal/web/eth0`: the root first. */
export function causeText({ trigger, via }: Cause): string {
  return [triggerText(trigger), ...via].join(' → ');
}

/** One event as a line; never cut, since it is read afterwards. */
export function eventLine(event: EventRecord, paint: Terminal['paint']): string {
  const { sequence, at, key, severity, reason, message, cause } = event;
  const word = severity === 'warning' ? `${paint('bad', 'warning')} ` : '';
  const what = `${key === null ? '' : `${key} `}${reason}: ${message}`;
  return `${sequence} ${paint('faint', instant(at))} ${word}${printable(what)} ${paint('faint', `[${printable(causeText(cause))}]`)}\n`;
}
