import { Dialogue } from '../../../../adapters/proxy/dbus/dialogue.ts';
import { bus, type Message } from '../../../../adapters/proxy/dbus/message.ts';
import type { Judgement } from '../../../../adapters/proxy/dbus/message-stream.ts';
import { ownRule } from '../../../../adapters/proxy/dbus/own-calls.ts';
import { headBytesAt, parseHead } from '../../../../adapters/proxy/dbus/parse-head.ts';
import { PendingShare } from '../../../../adapters/proxy/dbus/pending.ts';
import { leadingTexts, listOfTexts } from '../../../../adapters/proxy/dbus/read-body.ts';
import { type OwnMessage, writeMessage } from '../../../../adapters/proxy/dbus/write-message.ts';

/** A message that was written, with the texts and lists of its body. */
export interface Said extends Message {
  readonly texts: readonly string[];
  readonly list: readonly string[] | null;
  /** Of a body that is one number (u32, little endian). */
  readonly number: number | null;
}

/** Every message in these bytes. */
export function readAll(bytes: Buffer): readonly Said[] {
  const said: Said[] = [];
  for (let at = 0; at < bytes.length; ) {
    const message = parseHead(bytes, at);
    const body = bytes.subarray(
      at + (headBytesAt(bytes, at) ?? 0),
      at + message.headBytes + message.bodyBytes,
    );
    said.push({
      ...message,
      texts: leadingTexts(message, body, 9),
      list: listOfTexts(message, body),
      number: message.signature === 'u' ? body.readUInt32LE() : null,
    });
    at += message.headBytes + message.bodyBytes;
  }
  return said;
}

export const self = ':1.9';
export const owner = ':1.7';
export const granted = 'org.example.Thing';

/** Both sides of one dialogue, by hand. */
export class Talk {
  readonly names = new Set<string>();
  readonly toConsumer: Said[] = [];
  readonly toBus: Said[] = [];
  denied = 0;
  named = 0;
  readonly dialogue: Dialogue;
  #serial = 100;

  constructor(name: string | null = granted) {
    this.dialogue = new Dialogue(name, this.names, new PendingShare(), {
      toConsumer: (message) => this.toConsumer.push(...readAll(message)),
      toBus: (messages) => this.toBus.push(...readAll(messages)),
      denied: () => {
        this.denied += 1;
      },
      named: () => {
        this.named += 1;
      },
    });
  }

  consumer(message: Partial<OwnMessage>): Judgement {
    return judged(
      this.#written(message),
      (head) => this.dialogue.neededFromConsumer(head),
      (head, body) => this.dialogue.fromConsumer(head, body),
    );
  }

  bus(message: Partial<OwnMessage>): Judgement {
    return judged(
      this.#written({ sender: bus.name, destination: self, ...message }),
      (head) => this.dialogue.neededFromBus(head),
      (head, body) => this.dialogue.fromBus(head, body),
    );
  }

  /** A call of the consumer; `what` is `destination interface member`, with `-` for none. */
  call(what: string, body: OwnMessage['body'] = [], more: Partial<OwnMessage> = {}): Judgement {
    const [destination = '-', name = '-', member = 'M'] = what.split(' ');
    return this.consumer({
      type: 1,
      path: '/a',
      member,
      body,
      ...(destination !== '-' && { destination }),
      ...(name !== '-' && { interface: name }),
      ...more,
    });
  }

  /** The same, of the bus. */
  busCall(member: string, body: OwnMessage['body'] = [], name: string = bus.interface): Judgement {
    return this.call(`${bus.name} ${name} ${member}`, body);
  }

  /** What was said last to the consumer: the name of an error, or `answer`. */
  get last(): string {
    const last = this.toConsumer.at(-1);
    return last === undefined ? 'nothing' : (last.errorName ?? 'answer');
  }

  signal(sender: string, name: string, body: OwnMessage['body'] = [], member = 'S'): Judgement {
    return this.bus({ type: 4, path: '/a', interface: name, member, sender, body });
  }

  ownerChanged(name: string, to: string, from = ''): Judgement {
    return this.signal(bus.name, bus.interface, [name, from, to], 'NameOwnerChanged');
  }

  /** Until everything is known that is asked first. */
  greeted({ owned = true, startable = [] as readonly string[] } = {}): this {
    this.consumer({
      type: 1,
      serial: 1,
      path: bus.path,
      interface: bus.interface,
      member: 'Hello',
      destination: bus.name,
    });
    this.bus({ type: 2, replySerial: 1, body: [self] });
    return this.answered({ owned, startable });
  }

  /** The bus answers what it was asked last. */
  answered({ owned = true, startable = [] as readonly string[] } = {}): this {
    for (const asked of this.toBus.splice(0)) {
      if (asked.flags === 1 || asked.type !== 1) continue;
      const replySerial = asked.serial;
      if (asked.member === 'AddMatch') this.bus({ type: 2, replySerial });
      else if (asked.member === 'ListActivatableNames') this.bus({ type: 2, replySerial, body: [startable] });
      else if (owned) this.bus({ type: 2, replySerial, body: [owner] });
      else this.bus({ type: 3, replySerial, errorName: `${bus.name}.Error.NameHasNoOwner`, body: ['none'] });
    }
    return this;
  }

  #written(message: Partial<OwnMessage>): Buffer {
    this.#serial += 1;
    return writeMessage({ type: 1, serial: this.#serial, ...message });
  }
}

export { ownRule };

function judged(
  bytes: Buffer,
  needed: (message: Message) => number,
  judge: (message: Message, body: Buffer) => Judgement,
): Judgement {
  const message = parseHead(bytes, 0);
  return judge(message, bytes.subarray(message.headBytes, message.headBytes + needed(message)));
}
