import { type CallVerdict, denied, judgeCall, neededOfCall } from './call-policy.ts';
import { isSameRule, parseMatchRule } from './match-rule.ts';
import { bus, expectsReply, type Message, messageType, ProtocolViolation } from './message.ts';
import type { Judgement } from './message-stream.ts';
import { OwnCalls, ownRule } from './own-calls.ts';
import { PendingCallers, PendingCalls, type PendingShare } from './pending.ts';
import { leadingTexts } from './read-body.ts';
import { isSignalGranted, maySignal, neededOfSignal, ownerChange } from './signal-policy.ts';
import { Standing } from './standing.ts';
import { answerMessage, errorMessage } from './write-message.ts';

/** Who a dialogue is between, and who counts. */
export interface DialogueEnds {
  /** A message of ours to the consumer. */
  toConsumer(message: Buffer): void;
  /** Messages of ours to the bus. */
  toBus(messages: Buffer): void;
  /** Something of the consumer was not passed on. */
  denied(): void;
  /** The bus has given the consumer its name. */
  named(): void;
}

/** Of the answer to Hello, in bytes: one name. */
const longestHello = 4096;

/**
 * One consumer and the bus: of each message whether it is passed on, by what was granted and what was said before. Whatever the bus calls `sender`
 * is believed, since it writes that itself. Throws ProtocolViolation where what one side says can't go on.
 */
export class Dialogue {
  readonly #ends: DialogueEnds;
  readonly #names: Set<string>;
  readonly #calls: PendingCalls;
  readonly #callers: PendingCallers;
  readonly #own = new OwnCalls();
  /** Null: the whole bus is granted. */
  #standing: Standing | null;
  #self: string | null = null;
  /** Serial of the consumer's Hello; null: it has yet to come. */
  #hello: number | null = null;
  /** Rules of the consumer's that to a bus are the same as the one of ours. */
  #sameRules = 0;

  /** `names`: see Standing. It and `pending` are of all dialogues with this bus. */
  constructor(granted: string | null, names: Set<string>, pending: PendingShare, ends: DialogueEnds) {
    this.#ends = ends;
    this.#calls = new PendingCalls(pending);
    this.#callers = new PendingCallers(pending);
    this.#names = names;
    this.#standing = granted === null ? null : new Standing(granted, names);
  }

  /** Another name or interface is granted from now on, or all. */
  grant(granted: string | null): void {
    const former = this.#standing;
    if ((former?.granted ?? null) === granted) return;
    this.#standing = granted === null ? null : new Standing(granted, this.#names);
    if (this.#hello === null) return;
    const isTaken = (serial: number): boolean => this.#calls.has(serial);
    // Where the consumer relies on it as well, it stays.
    if (former !== null && this.#sameRules === 0) this.#ends.toBus(OwnCalls.release(former, isTaken));
    this.#begin();
  }

  /** It is over: nothing is remembered. */
  end(): void {
    this.#calls.clear();
    this.#callers.clear();
  }

  /** What the consumer says has to wait for the bus. */
  get isWaiting(): boolean {
    return this.#own.isWaiting;
  }

  neededFromConsumer(message: Message): number {
    return message.type === messageType.call ? neededOfCall(message) : 0;
  }

  fromConsumer(message: Message, body: Buffer): Judgement {
    if (message.descriptors > 0)
      throw new ProtocolViolation('found a message with file descriptors, which were refused');
    if (this.#hello === null) return this.#greet(message);
    if (this.#own.isWaiting) return 'hold';
    if (message.type === messageType.call) return this.#callOfConsumer(message, body);
    const isPassed =
      message.type === messageType.signal
        ? message.replySerial === null && (this.#standing === null || maySignal(message, this.#standing))
        : this.#callers.take(message.destination, message.replySerial);
    if (isPassed) return 'pass';
    this.#ends.denied();
    return 'drop';
  }

  neededFromBus(message: Message): number {
    if (message.type === messageType.signal) return this.#standing === null ? 0 : neededOfSignal(message);
    if (message.replySerial === this.#hello) return Math.min(message.bodyBytes, longestHello);
    return this.#own.needed(message) ?? 0;
  }

  fromBus(message: Message, body: Buffer): Judgement {
    if (message.descriptors > 0)
      throw new ProtocolViolation('found a message with file descriptors, which were not negotiated');
    switch (message.type) {
      case messageType.call:
        return this.#callOfOther(message);
      case messageType.signal:
        return this.#signalOfOther(message, body);
      default:
        return this.#answerOfOther(message, body);
    }
  }

  /** A bus, too, wants to hear that first. */
  #greet(message: Message): Judgement {
    const { type, destination, member, interface: name, serial } = message;
    const isHello =
      destination === bus.name && member === 'Hello' && (name ?? bus.interface) === bus.interface;
    if (type !== messageType.call || !isHello || !expectsReply(message))
      throw new ProtocolViolation(`found ${member ?? 'an answer'}, expected Hello first`);
    this.#hello = serial;
    this.#calls.add(serial);
    this.#begin();
    return 'pass';
  }

  /** Asks what has to be known of the granted name; until then the consumer waits. */
  #begin(): void {
    this.#sameRules = 0;
    if (this.#standing === null) return;
    this.#standing.self = this.#self;
    this.#ends.toBus(this.#own.ask(this.#standing, (serial) => this.#calls.has(serial)));
  }

  #callOfConsumer(message: Message, body: Buffer): Judgement {
    const verdict = this.#verdictOfOwnRule(message, body) ?? judgeCall(message, body, this.#standing);
    if (verdict.type === 'pass') {
      if (expectsReply(message)) this.#calls.add(message.serial);
      return 'pass';
    }
    if (verdict.type === 'deny') this.#ends.denied();
    if (expectsReply(message)) {
      const answer = { replySerial: message.serial, destination: this.#self, sender: bus.name };
      this.#ends.toConsumer(
        verdict.type === 'deny' ? errorMessage(answer, verdict) : answerMessage(answer, verdict.body),
      );
    }
    return 'drop';
  }

  /**
   * The rule of ours is not for the consumer to remove: one that to the bus is the same never gets there, and tells the consumer no more than it
   * hears anyway. Null: it is about another, or about none.
   */
  #verdictOfOwnRule(message: Message, body: Buffer): CallVerdict | null {
    const { destination, member } = message;
    if (this.#standing === null || destination !== bus.name) return null;
    if (member !== 'AddMatch' && member !== 'RemoveMatch') return null;
    const [text = ''] = leadingTexts(message, body, 1);
    const [rule, ours] = [text, ownRule(this.#standing.granted)].map(parseMatchRule);
    if (!rule || !ours || !isSameRule(rule, ours)) return null;
    if (member === 'RemoveMatch' && this.#sameRules === 0) return noSuchRule;
    this.#sameRules += member === 'AddMatch' ? 1 : -1;
    return { type: 'answer', body: [] };
  }

  #callOfOther(message: Message): Judgement {
    const { sender, serial, replySerial } = message;
    if (replySerial !== null || sender === null) return 'drop';
    if (this.#standing === null || this.#standing.isOwner) {
      if (expectsReply(message)) this.#callers.add(sender, serial);
      return 'pass';
    }
    if (expectsReply(message))
      this.#ends.toBus(errorMessage({ replySerial: serial, destination: sender }, notCalled));
    return 'drop';
  }

  #signalOfOther(message: Message, body: Buffer): Judgement {
    if (message.replySerial !== null) return 'drop';
    const standing = this.#standing;
    if (standing === null) return 'pass';
    const change = ownerChange(message, body);
    if (change?.name === standing.granted) standing.ownedBy(change.owner);
    return isSignalGranted(message, body, standing) ? 'pass' : 'drop';
  }

  #answerOfOther(message: Message, body: Buffer): Judgement {
    if (this.#own.answered(message, body)) return 'drop';
    if (!this.#calls.take(message.replySerial)) return 'drop';
    if (message.replySerial === this.#hello && this.#self === null) this.#greeted(message, body);
    return 'pass';
  }

  #greeted(message: Message, body: Buffer): void {
    if (message.type !== messageType.answer || message.sender !== bus.name) return;
    this.#self = leadingTexts(message, body, 1)[0] ?? null;
    if (this.#standing !== null) this.#standing.self = this.#self;
    if (this.#self !== null) this.#ends.named();
  }
}

const notCalled = denied('this connection is not there to be called');

const noSuchRule: CallVerdict = {
  type: 'deny',
  error: 'org.freedesktop.DBus.Error.MatchRuleNotFound',
  why: 'this connection has no such match rule',
};
