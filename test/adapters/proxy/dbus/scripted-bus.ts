import { createServer, type Server, type Socket } from 'node:net';
import { bus } from '../../../../adapters/proxy/dbus/message.ts';
import { type OwnMessage, writeMessage } from '../../../../adapters/proxy/dbus/write-message.ts';
import { Messages } from './bus-wire.ts';
import type { Said } from './talk.ts';

export const guid = 'fedcba9876543210'.repeat(2);

/** The other side of one connection to a bus of ours. */
export interface BusPeer {
  readonly socket: Socket;
  readonly name: string;
  /** What it said in its handshake. */
  introduction: string;
  readonly heard: Said[];
  send(message: Omit<OwnMessage, 'serial'>): void;
}

export interface BusScript {
  /** Who owns which name. */
  readonly owners?: Readonly<Record<string, string>>;
  /** True: it listens, and never says anything. */
  readonly isSilent?: boolean;
  /** False: nobody is let in. */
  readonly letsIn?: boolean;
  /** Takes all bytes that come after the handshake, instead of reading messages. */
  readonly raw?: (bytes: Buffer, peer: BusPeer) => void;
}

/** A bus that answers each call to anybody with the texts that it came with, and says of itself what a script says. */
export class ScriptedBus {
  readonly server: Server;
  readonly peers: BusPeer[] = [];
  readonly #script: BusScript;

  constructor(script: BusScript = {}) {
    this.#script = script;
    this.server = createServer((socket) => this.#take(socket));
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve) => {
      this.server.listen(path, resolve);
    });
  }

  close(): void {
    this.server.close();
    for (const { socket } of this.peers) socket.destroy();
  }

  #take(socket: Socket): void {
    let serial = 0;
    const peer: BusPeer = {
      socket,
      name: `:1.${this.peers.length + 1}`,
      introduction: '',
      heard: [],
      send: (message) => {
        serial += 1;
        socket.write(writeMessage({ sender: bus.name, destination: peer.name, ...message, serial }));
      },
    };
    this.peers.push(peer);
    socket.on('error', () => {});
    const messages = new Messages();
    let isOpen = false;
    socket.on('data', (bytes: Buffer) => {
      if (this.#script.isSilent === true) return;
      if (isOpen) return this.#hear(peer, messages, bytes);
      peer.introduction += bytes.toString('latin1');
      if (/^\0AUTH [^\r]*\r\n$/.test(peer.introduction))
        socket.write(this.#script.letsIn === false ? 'REJECTED EXTERNAL\r\n' : `OK ${guid}\r\n`);
      const [, rest] = /BEGIN\r\n(.*)$/s.exec(peer.introduction) ?? [];
      if (rest === undefined) return;
      isOpen = true;
      if (rest !== '') this.#hear(peer, messages, Buffer.from(rest, 'latin1'));
    });
  }

  #hear(peer: BusPeer, messages: Messages, bytes: Buffer): void {
    if (this.#script.raw !== undefined && peer.heard.length > 0) return this.#script.raw(bytes, peer);
    for (const said of messages.push(bytes)) {
      peer.heard.push(said);
      if (said.type === 1 && (said.flags & 1) === 0) this.#answer(peer, said);
    }
  }

  #answer(peer: BusPeer, said: Said): void {
    const { serial: replySerial, member, texts, destination } = said;
    if (destination !== bus.name) return peer.send({ type: 2, replySerial, sender: ':1.1000', body: texts });
    const owner = this.#script.owners?.[texts[0] ?? ''];
    const errorName = 'org.freedesktop.DBus.Error.NameHasNoOwner';
    if (member === 'Hello') peer.send({ type: 2, replySerial, body: [peer.name] });
    else if (member === 'ListActivatableNames') peer.send({ type: 2, replySerial, body: [[bus.name]] });
    else if (member !== 'GetNameOwner') peer.send({ type: 2, replySerial });
    else if (owner === undefined) peer.send({ type: 3, replySerial, errorName, body: ['nobody'] });
    else peer.send({ type: 2, replySerial, body: [owner] });
  }
}
