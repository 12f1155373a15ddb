import { randomInt } from 'node:crypto';
import { bus, flag, type Message, messageType } from './message.ts';
import { leadingTexts, listOfTexts } from './read-body.ts';
import type { Standing } from './standing.ts';
import { callToBus } from './write-message.ts';

/** The bus does not tell what has to be known to keep a link to what it is for. */
export class BusUnhelpful extends Error {
  override readonly name = 'BusUnhelpful';
}

/** Of lists of names that a bus may answer with, in bytes; one that is longer is not read. */
const longestAnswer = 256 * 1024;

type Question = 'rule' | 'owner' | 'startable';

/** The rule by which changes of the granted name are told to the session. */
export function ownRule(granted: string): string {
  return `type='signal',sender='${bus.name}',interface='${bus.interface}',member='NameOwnerChanged',arg0='${granted}'`;
}

/**
 * Calls of our own to the bus, in the name of the consumer and among its own: who owns the granted name, now and from now on. Their serials are
 * none that the consumer waits for, and it does not go on before they are answered.
 */
export class OwnCalls {
  readonly #pending = new Map<number, { readonly question: Question; readonly standing: Standing }>();

  get isWaiting(): boolean {
    return this.#pending.size > 0;
  }

  /** The calls that have to be made; `isTaken`: a serial that is waited for. */
  ask(standing: Standing, isTaken: (serial: number) => boolean): Buffer {
    const { granted } = standing;
    const calls: readonly (readonly [Question, string, readonly string[]])[] = [
      // The rule comes first: no change is missed.
      ['rule', 'AddMatch', [ownRule(granted)]],
      ['owner', 'GetNameOwner', [granted]],
      ['startable', 'ListActivatableNames', []],
    ];
    const written = calls.map(([question, member, body]) => {
      const serial = freeSerial((one) => isTaken(one) || this.#pending.has(one));
      this.#pending.set(serial, { question, standing });
      return callToBus(member, serial, body);
    });
    return Buffer.concat(written);
  }

  /** Takes back what `ask` has asked to be told from then on. */
  static release(standing: Standing, isTaken: (serial: number) => boolean): Buffer {
    const rule = [ownRule(standing.granted)];
    return callToBus('RemoveMatch', freeSerial(isTaken), rule, flag.noReplyExpected);
  }

  /** How much of the body of an answer has to be there; null: it is not one to us. */
  needed({ replySerial, sender, bodyBytes }: Message): number | null {
    if (replySerial === null || sender !== bus.name || !this.#pending.has(replySerial)) return null;
    return Math.min(bodyBytes, longestAnswer);
  }

  /** Takes an answer; false: it is not one to us. Throws BusUnhelpful. */
  answered(message: Message, body: Buffer): boolean {
    const { replySerial, sender, type, errorName } = message;
    const asked = replySerial === null || sender !== bus.name ? undefined : this.#pending.get(replySerial);
    if (asked === undefined || replySerial === null) return false;
    this.#pending.delete(replySerial);
    const { question, standing } = asked;
    const isAnswer = type === messageType.answer;
    if (question === 'rule' && !isAnswer)
      throw new BusUnhelpful(`the bus does not tell who owns ${standing.granted}: ${errorName}`);
    if (question === 'owner' && isAnswer) standing.ownedBy(leadingTexts(message, body, 1)[0] ?? null);
    // A list that can't be read may have it: as a name it is granted less.
    if (question === 'startable' && isAnswer && mayList(message, body, standing.granted))
      standing.canBeStarted();
    return true;
  }
}

/**
 * One that the consumer can't have foreseen: a bus answers also calls that expect no reply, of which nothing is remembered, and such an answer about another name
 * must not be taken for one to us.
 */
function freeSerial(isTaken: (serial: number) => boolean): number {
  for (;;) {
    const serial = randomInt(1, 2 ** 32);
    if (!isTaken(serial)) return serial;
  }
}

function mayList(message: Message, body: Buffer, granted: string): boolean {
  return listOfTexts(message, body)?.includes(granted) ?? true;
}
