import { bus, type Message, standard } from './message.ts';
import { leadingTexts } from './read-body.ts';
import type { Standing } from './standing.ts';

/** Three names, and more than what a text of an interface takes. */
const longestRead = 3 * (4 + 255 + 1 + 3);

/** How many bytes of its body have to be there before a signal to the consumer can be judged. */
export function neededOfSignal({ interface: name, bodyBytes }: Message): number {
  const isRead = name === bus.interface || name === standard.properties;
  return isRead ? Math.min(bodyBytes, longestRead) : 0;
}

/** A change of who owns a name, as the bus tells it. */
export interface OwnerChange {
  readonly name: string;
  /** Null: nobody does any more. */
  readonly owner: string | null;
}

/** Null where a signal is none. */
export function ownerChange(message: Message, body: Buffer): OwnerChange | null {
  if (message.sender !== bus.name || message.member !== 'NameOwnerChanged') return null;
  const [name, , owner] = leadingTexts(message, body, 3);
  return name === undefined || owner === undefined ? null : { name, owner: owner === '' ? null : owner };
}

/** Whether a signal is passed on to the consumer. It comes from a bus, whose word `sender` is. */
export function isSignalGranted(message: Message, body: Buffer, standing: Standing): boolean {
  if (message.sender === bus.name) return isBusSignalGranted(message, body, standing);
  const { sender, interface: name } = message;
  if (sender === null || name === null) return false;
  const isPeer = standing.isGrantedPeer(sender);
  if (!isPeer && standing.isName) return false;
  const covers = (of: string): boolean => (isPeer ? standing.covers(of) : of === standing.granted);
  if (name === standard.properties) return covers(leadingTexts(message, body, 1)[0] ?? '');
  return covers(name) || (isPeer && name === standard.objectManager);
}

/** NameAcquired and NameLost are about the consumer itself. */
function isBusSignalGranted(message: Message, body: Buffer, standing: Standing): boolean {
  if (message.member === 'NameAcquired' || message.member === 'NameLost') return true;
  const change = ownerChange(message, body);
  return change !== null && standing.isVisible(change.name);
}

/** Whether a signal of the consumer is passed on to the bus: it speaks for the granted name when it has that. */
export function maySignal({ interface: name }: Message, standing: Standing): boolean {
  if (!standing.isOwner || name === null) return false;
  return standing.covers(name) || name === standard.properties || name === standard.objectManager;
}
